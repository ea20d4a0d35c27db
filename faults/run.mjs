// npm run faults -- [id or group …] [--seed n] [--few] [--write]: runs experiments of the fault matrix, without names all.
// --few: only as many repeats as in CI. --write: writes the figures into docs/guarantees.md. --help: lists the experiments.
import { readdirSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { missingTools } from '../scripts/test-tools.mjs';
import { build, ensureInstalled, fail, requireNode, root, runNode } from '../scripts/tools.mjs';

const FOLDER = 'faults/experiments';

/** All experiments with title and file, in the order of the source. */
function experiments() {
  return readdirSync(join(root, FOLDER)).flatMap((file) => {
    const text = readFileSync(join(root, FOLDER, file), 'utf8');
    const found = text.matchAll(/experiment\(\s*'([A-Z]\d+)',[\s\S]*?title:\s*(['"])(.*?)\2/g);
    const titles = new Map(Array.from(found, ([, id, , title]) => [id, title]));
    return Array.from(titles, ([id, title]) => ({ id, title, file: `${FOLDER}/${file}` }));
  });
}

const groupOf = (id) => id.replace(/\d.*$/, '');
const listed = (all) => all.map(({ id, title }) => `  ${id.padEnd(4)} ${title}`).join('\n');

function select(all, names) {
  const unknown = names.filter((name) => !all.some(({ id }) => id === name || groupOf(id) === name));
  if (unknown.length > 0) fail(`There is no experiment ${unknown.join(', ')}. There are:\n${listed(all)}`);
  return names.length === 0 ? all : all.filter(({ id }) => names.includes(id) || names.includes(groupOf(id)));
}

function readOptions() {
  const flags = {
    seed: { type: 'string' },
    few: { type: 'boolean' },
    write: { type: 'boolean' },
    help: { type: 'boolean' },
  };
  try {
    return parseArgs({ options: flags, allowPositionals: true });
  } catch (error) {
    return fail(`${error.message}\nUsage: npm run faults -- [id or group …] [--seed n] [--few] [--write]`);
  }
}

requireNode();
const { values, positionals } = readOptions();
const all = experiments();
if (values.help) {
  process.stdout.write(`npm run faults -- [id or group …] [--seed n] [--few] [--write]\n\n${listed(all)}\n`);
} else {
  const selected = select(all, positionals);
  await ensureInstalled();
  const [missing] = await Promise.all([missingTools(['experiments']), build()]);
  for (const { needed, advice } of missing)
    process.stderr.write(`${needed} was not found. To get it: ${advice}\n`);
  const files = [...new Set(selected.map(({ file }) => file))];
  const { code } = await runNode(
    'node_modules/vitest/vitest.mjs',
    [
      'run',
      '--project=experiments',
      ...files,
      '--reporter=default',
      '--reporter=./faults/harness/reporter.ts',
    ],
    {
      show: 'all',
      env: {
        FAULTS: selected.map(({ id }) => id).join(','),
        FAULTS_SEED: values.seed ?? '',
        FAULTS_FEW: values.few ? '1' : '',
        FAULTS_WRITE: values.write ? '1' : '',
      },
    },
  );
  process.exitCode = code;
}
