// npm run check: types, lint, format, generated files, unused code, package shape. Prints what failed, and how to mend it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, requireNode, root, runNode, tryBuild } from './tools.mjs';

const packages = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);

const tool = (path, ...args) => runNode(`node_modules/${path}`, args);

const CHECKS = [
  {
    name: 'generated files',
    mend: 'npm run generate',
    check: () => runNode('scripts/generate.mjs', ['--check']),
  },
  {
    name: 'types',
    mend: 'mend the errors above; to see them again: npx tsc -p tsconfig.check.json',
    check: () => tool('typescript/bin/tsc', '-p', 'tsconfig.check.json'),
  },
  {
    name: 'lint',
    mend: 'npx oxlint --type-aware --fix mends some of them',
    check: () => tool('oxlint/bin/oxlint', '--type-aware', '--quiet', '.'),
  },
  {
    name: 'format',
    mend: 'npm run format',
    check: () => tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '--cache', '.'),
  },
  {
    name: 'unused or undeclared',
    mend: 'remove what nobody uses, or declare what is used; to see it again: npx knip',
    check: () => tool('knip/bin/knip.js', '--no-progress'),
  },
];

const SHAPES = packages.map((name) => ({
  name: `shape of packages/${name}`,
  mend: `npx publint packages/${name}`,
  check: () => tool('publint/src/cli.js', `packages/${name}`, '--strict', '--pack=false'),
}));

async function checked({ name, mend, check }) {
  const { code, output } = await check();
  return code === 0 ? null : `── ${name} ──\n${output.trim()}\nTo mend it: ${mend}\n`;
}

/** First and alone: the generator and the shapes need what it builds. */
const BUILD = {
  name: 'build',
  mend: 'mend the errors above; to see them again: npm run build',
  check: tryBuild,
};

requireNode();
await ensureInstalled();
const startedMs = performance.now();
const outcomes = [await checked(BUILD)];
const then = outcomes[0] === null ? [...CHECKS, ...SHAPES] : CHECKS.slice(1);
outcomes.push(...(await Promise.all(then.map(checked))));
const faults = outcomes.filter((fault) => fault !== null);
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.stdout.write(
  faults.length === 0
    ? `check: all ${outcomes.length} passed (${seconds} s)\n`
    : `check: ${faults.length} of ${outcomes.length} failed (${seconds} s)\n`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
