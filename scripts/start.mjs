// npm start [-- options of `task-center serve`]: installs and builds what is missing, then serves in this process.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, ensureInstalled, requireNode, root } from './tools.mjs';

const SAME_PRESS_MS = 500;
const PARENT_CHECK_MS = 500;

/**
 * One Ctrl-C may arrive twice: from the terminal and, a moment later, passed on by npm. Only the first counts,
 * because a second one means "now, without waiting". (Node binds `emit` when the first listener is added.)
 */
function countPressesOnce() {
  const emit = process.emit;
  const last = new Map();
  process.emit = function (name, ...rest) {
    if (name === 'SIGINT' || name === 'SIGTERM') {
      const now = performance.now();
      const again = now - (last.get(name) ?? -Infinity) < SAME_PRESS_MS;
      last.set(name, now);
      if (again) return true;
    }
    return emit.call(this, name, ...rest);
  };
}

/** A SIGTERM to npm ends the shell between npm and this process, and reaches nobody else. */
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
countPressesOnce();
endWithShell();
const program = join(root, 'packages', 'cli', 'bin', 'task-center.js');
process.argv.splice(1, 1, program, 'serve');
await import(pathToFileURL(program).href);
