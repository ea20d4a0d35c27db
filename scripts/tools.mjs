// Shared by the scripts: running programs, and installing and building what is missing.
import { spawn } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const MIN_NODE = [20, 19];

/** Ends the program with a clear message when Node is too old. Called before anything that would fail less clearly. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  fail(`Task Center needs Node ${MIN_NODE.join('.')} or newer; this is ${process.versions.node}.`);
}

/** Prints why the program cannot go on, and ends it with exit code 1. */
export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/**
 * Runs a program.
 *
 * @param cwd default: the project's folder
 * @param show 'all': its output goes to the terminal; 'none': the output is returned
 * @returns its exit code (127 = it could not be started); if captured, `output`, which has both streams, and `stdout` alone
 */
export function run(command, args, { cwd = root, show = 'none', env = {} } = {}) {
  return new Promise((resolve) => {
    const stdio = show === 'all' ? 'inherit' : ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
    let output = '';
    let stdout = '';
    child.stdout?.on('data', (data) => (stdout += data));
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
    child.once('error', (error) =>
      resolve({ code: 127, output: `${command}: ${error.message}\n`, stdout: '' }),
    );
    child.once('close', (code, signal) => resolve({ code: code ?? 1, signal, output, stdout }));
  });
}

/** Runs a script of an installed package with this Node. */
export function runNode(path, args = [], options = {}) {
  return run(process.execPath, [join(root, path), ...args], options);
}

function npm(...args) {
  // Under `npm start` and `npm test` use the npm that runs them, which may not be on the path.
  const runningNpm = process.env.npm_execpath;
  return runningNpm ? run(process.execPath, [runningNpm, ...args]) : run('npm', args);
}

/** npm writes this file when it has installed the packages. */
const installMarker = join(root, 'node_modules', '.package-lock.json');

function isInstalled() {
  if (!existsSync(installMarker)) return false;
  return statSync(installMarker).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

/** Installs the packages if they are missing or older than the lock file. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  process.stderr.write('Installing packages (only the first time, and after updates) …\n');
  const options = ['--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  let result = await npm('ci', ...options);
  if (result.code !== 0) result = await npm('install', ...options);
  if (result.code !== 0) {
    fail(`${result.output}\nThe packages could not be installed. Check the network, then try again.`);
  }
  const now = new Date();
  if (existsSync(installMarker)) utimesSync(installMarker, now, now);
}

/** Builds what is missing or older than its source; resolves to exit code and output. */
export const tryBuild = () => runNode('node_modules/typescript/bin/tsc', ['-b']);

/** The same, but ends the program when the build fails. */
export async function build() {
  const { code, output } = await tryBuild();
  if (code !== 0) fail(`${output}\nThe build failed. Fix the errors above, then try again.`);
}
