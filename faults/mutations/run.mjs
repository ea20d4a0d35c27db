// npm run mutations -- [name …]: applies each mutation to a copy of the engine and expects its experiment to fail.
// Exits with 1 if a mutation survived.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build, ensureInstalled, fail, root, run } from '../../scripts/tools.mjs';
import { mutations } from './mutations.mjs';

/** Links node_modules: our packages to those of the copy, all others to the project's. */
function linkPackages(folder) {
  const from = join(root, 'node_modules');
  const to = join(folder, 'node_modules');
  mkdirSync(join(to, '@task-center'), { recursive: true });
  for (const name of readdirSync(from)) {
    if (name !== '@task-center' && !name.startsWith('.')) symlinkSync(join(from, name), join(to, name));
  }
  symlinkSync(join(from, '.bin'), join(to, '.bin'));
  for (const name of readdirSync(join(from, '@task-center')))
    symlinkSync(join(folder, 'packages', name), join(to, '@task-center', name));
}

/** Copies the working tree and the built packages. */
function copyProject() {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-mutations-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const path of listed.split('\n').filter(Boolean)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  for (const name of readdirSync(join(root, 'packages')))
    cpSync(join(root, 'packages', name, 'dist'), join(folder, 'packages', name, 'dist'), {
      recursive: true,
      preserveTimestamps: true,
    });
  linkPackages(folder);
  return folder;
}

/** The mutated text. The original text must occur exactly once, which keeps the list up to date. */
function mutate(text, { file, from, to }) {
  const parts = text.split(from);
  if (parts.length !== 2)
    fail(`${file} contains this text ${parts.length - 1} times instead of once: ${from}`);
  return parts.join(to);
}

async function mustRun(folder, command, args) {
  const { code, output } = await run(command, args, { cwd: folder });
  if (code !== 0) fail(`${output}\n${command} ${args.join(' ')} failed in the copy.`);
}

async function rebuild(folder) {
  await mustRun(folder, process.execPath, ['scripts/generate.mjs']);
  await mustRun(folder, process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/engine']);
}

/** The first error of the experiment; null = the mutation survived. */
async function verdictOf(folder, { experiment, on }) {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project=experiments',
    '-t',
    `${experiment} ${on}:`,
  ];
  const { code, output } = await run(process.execPath, args, {
    cwd: folder,
    env: { FAULTS: experiment, FAULTS_FEW: '1', NO_COLOR: '1' },
  });
  if (/Tests {2}no tests|No test files/.test(output))
    fail(`there is no experiment ${experiment} on ${on}\n${output}`);
  if (code === 0) return null;
  return output.match(/^Error: (.*)$/m)?.[1] ?? output.slice(-500);
}

async function tryMutation(folder, mutation) {
  const path = join(folder, mutation.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, mutate(text, mutation));
  try {
    await rebuild(folder);
    return await verdictOf(folder, mutation);
  } finally {
    writeFileSync(path, text);
  }
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !mutations.some((mutation) => mutation.name === name));
if (unknown.length > 0)
  fail(
    `There is no mutation ${unknown.join(', ')}. There are: ${mutations.map(({ name }) => name).join(', ')}.`,
  );
await ensureInstalled();
await build();
const folder = copyProject();
let survivors = 0;
for (const mutation of mutations) {
  if (names.length > 0 && !names.includes(mutation.name)) continue;
  const began = performance.now();
  const verdict = await tryMutation(folder, mutation);
  const seconds = Math.round((performance.now() - began) / 1_000);
  if (verdict === null) survivors += 1;
  const caught = verdict === null ? 'SURVIVED' : `caught: ${verdict.slice(0, 160)}`;
  process.stdout.write(`${mutation.name} (${mutation.experiment} ${mutation.on}, ${seconds} s): ${caught}\n`);
}
process.stdout.write(survivors === 0 ? 'All mutations were caught.\n' : `${survivors} survived.\n`);
process.exitCode = survivors === 0 ? 0 : 1;
