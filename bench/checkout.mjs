// Checks out a commit of this repository into a folder of its own, installed and built.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Git ignores it. */
const FOLDER = path.join(root, '.cache/bench');

const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

/** The full hash of a commit. @throws Error if the commit is missing, as in a shallow clone */
export const commitOf = (name) => run('git', ['rev-parse', '--verify', `${name}^{commit}`], root).trim();

/** Returns the folder of the commit. It is prepared once and kept. */
export function checkOut(commit) {
  const folder = path.join(FOLDER, commit);
  const done = path.join(folder, '.built');
  if (existsSync(done)) return folder;
  mkdirSync(FOLDER, { recursive: true });
  run('git', ['worktree', 'prune'], root);
  if (!existsSync(folder)) run('git', ['worktree', 'add', '--detach', folder, commit], root);
  run('npm', ['ci', '--no-audit', '--no-fund'], folder);
  run('npm', ['run', '--silent', 'build'], folder);
  writeFileSync(done, '');
  return folder;
}

export { root };
