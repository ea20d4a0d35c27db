// npm run mutations -- [name …]: breaks the engine in one way after another, in a copy, and sees an experiment fail for
// each. Ends with 1 if a broken engine got through.
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

/** Its packages are the copy's own, all else is the project's. */
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

/** The project as it stands, with what is built. */
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

/** The file with the engine broken; the text must be there just once, so that the list stays true. */
function broken(text, { file, from, to }) {
  const parts = text.split(from);
  if (parts.length !== 2) fail(`${file} has ${parts.length - 1} times, not once: ${from}`);
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

/** What the experiment says of the broken engine: null = nothing, it got through. */
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

async function tryOne(folder, mutation) {
  const path = join(folder, mutation.file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, broken(text, mutation));
  try {
    await rebuild(folder);
    return await verdictOf(folder, mutation);
  } finally {
    writeFileSync(path, text);
  }
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !mutations.some((one) => one.name === name));
if (unknown.length > 0)
  fail(
    `There is no mutation ${unknown.join(', ')}. There are: ${mutations.map(({ name }) => name).join(', ')}.`,
  );
await ensureInstalled();
await build();
const folder = copyProject();
let through = 0;
for (const mutation of mutations) {
  if (asked.length > 0 && !asked.includes(mutation.name)) continue;
  const began = performance.now();
  const verdict = await tryOne(folder, mutation);
  const seconds = Math.round((performance.now() - began) / 1_000);
  if (verdict === null) through += 1;
  const caught = verdict === null ? 'GOT THROUGH' : `caught: ${verdict.slice(0, 160)}`;
  process.stdout.write(`${mutation.name} (${mutation.experiment} ${mutation.on}, ${seconds} s): ${caught}\n`);
}
process.stdout.write(through === 0 ? 'All were caught.\n' : `${through} got through.\n`);
process.exitCode = through === 0 ? 0 : 1;
