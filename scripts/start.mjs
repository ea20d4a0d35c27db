// npm start [-- options of `task-center serve`]: installs and builds what is missing, then serves in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, ensureInstalled, requireNode, root } from './tools.mjs';

const PARENT_CHECK_MS = 500;

/**
 * Ends this process when its parent ends. Under `npm start` a shell stands between npm and this process: a SIGTERM to
 * npm ends the shell, but is not passed on.
 */
function endWithShell() {
  if (process.env.npm_lifecycle_event !== 'start') return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, PARENT_CHECK_MS);
  timer.unref();
}

requireNode();
await ensureInstalled();
await build();
endWithShell();
const program = join(root, 'packages', 'cli', 'bin', 'task-center.js');
process.argv.splice(1, 1, program, 'serve');
await import(pathToFileURL(program).href);
