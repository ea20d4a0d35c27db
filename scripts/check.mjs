// npm run check: types, lint, format, generated files, unused code, words and references, proofs, figures of the house,
// package shape. Prints what failed, and how to fix it.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, requireNode, root, runNode, tryBuild } from './tools.mjs';

const packages = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);

const tool = (path, ...args) => runNode(`node_modules/${path}`, args);

/** Each check: its name, how to fix a failure, and the run, which resolves to exit code and output. */
const CHECKS = [
  {
    name: 'generated files',
    fix: 'npm run generate',
    check: () => runNode('scripts/generate.mjs', ['--check']),
  },
  {
    name: 'types',
    fix: 'fix the errors above; to see them again: npx tsc -p tsconfig.check.json',
    check: () => tool('typescript/bin/tsc', '-p', 'tsconfig.check.json'),
  },
  {
    name: 'lint',
    fix: 'npx oxlint --type-aware --fix fixes some of them',
    check: () => tool('oxlint/bin/oxlint', '--type-aware', '--quiet', '.'),
  },
  {
    name: 'format',
    fix: 'npm run format',
    check: () => tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '--cache', '.'),
  },
  {
    name: 'unused or undeclared',
    fix: 'remove what is unused, or declare what is used; to see it again: npx knip',
    check: () => tool('knip/bin/knip.js', '--no-progress'),
  },
  {
    name: 'words and references',
    fix: 'write what each line above advises, or correct the path or heading; to see them again: node scripts/check-words.mjs',
    check: () => runNode('scripts/check-words.mjs'),
  },
  {
    name: 'proofs',
    fix: 'correct the name of the test in docs/requirements.md, or the quoted line in faults/mutations/mutations.mjs',
    check: () => runNode('scripts/check-proofs.mjs'),
  },
  {
    name: 'figures of the house',
    fix: 'split what grew too long, give a shared name one home, say why in a silent folder; to see them again: node scripts/count-house.mjs',
    check: () => runNode('scripts/count-house.mjs'),
  },
];

const SHAPES = packages.map((name) => ({
  name: `shape of packages/${name}`,
  fix: `npx publint packages/${name}`,
  check: () => tool('publint/src/cli.js', `packages/${name}`, '--strict', '--pack=false'),
}));

/** Runs a check; resolves to the text of its failure, or null. */
async function runCheck({ name, fix, check }) {
  const { code, output } = await check();
  return code === 0 ? null : `── ${name} ──\n${output.trim()}\nTo fix it: ${fix}\n`;
}

/** Runs first and alone: the generator and the shape checks need its output. Without it they are skipped. */
const BUILD = {
  name: 'build',
  fix: 'fix the errors above; to see them again: npm run build',
  check: tryBuild,
};

requireNode();
await ensureInstalled();
const startedMs = performance.now();
const outcomes = [await runCheck(BUILD)];
const remaining = outcomes[0] === null ? [...CHECKS, ...SHAPES] : CHECKS.slice(1);
outcomes.push(...(await Promise.all(remaining.map(runCheck))));
const failures = outcomes.filter((failure) => failure !== null);
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
for (const failure of failures) process.stdout.write(`${failure}\n`);
process.stdout.write(
  failures.length === 0
    ? `check: all ${outcomes.length} passed (${seconds} s)\n`
    : `check: ${failures.length} of ${outcomes.length} failed (${seconds} s)\n`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
