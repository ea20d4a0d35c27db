// What the scripts share: running programs, installing and building what is missing.
import { spawn } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const MIN_NODE = [20, 19];

/** Ends the program with a clear word when Node is too old for what follows. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  fail(`Task Center needs Node ${MIN_NODE.join('.')} or newer; this is ${process.versions.node}.`);
}

/** Says why nothing can be done and ends the program. */
export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

/**
 * Runs a program.
 *
 * @param cwd default: the project's folder
 * @param show 'all': its output goes to the terminal; 'none': it is kept and returned.
 * @returns its exit code and what it wrote, if that was kept
 */
export function run(command, args, { cwd = root, show = 'none', env = {} } = {}) {
  return new Promise((resolve) => {
    const stdio = show === 'all' ? 'inherit' : ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, args, { cwd, stdio, env: { ...process.env, ...env } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
    child.once('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}\n` }));
    child.once('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

/** Runs a script of an installed package with this Node. */
export function runNode(path, args = [], options = {}) {
  return run(process.execPath, [join(root, path), ...args], options);
}

function npm(...args) {
  // Under `npm start` and `npm test` the same npm is used, wherever it is.
  const own = process.env.npm_execpath;
  return own ? run(process.execPath, [own, ...args]) : run('npm', args);
}

const installedNote = join(root, 'node_modules', '.package-lock.json');

function isInstalled() {
  if (!existsSync(installedNote)) return false;
  return statSync(installedNote).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
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
  if (existsSync(installedNote)) utimesSync(installedNote, now, now);
}

/** Builds what is not built or older than its source. */
export const tryBuild = () => runNode('node_modules/typescript/bin/tsc', ['-b']);

/** The same; ends the program when it does not work. */
export async function build() {
  const { code, output } = await tryBuild();
  if (code !== 0) fail(`${output}\nThe build failed. Mend the errors above, then try again.`);
}
