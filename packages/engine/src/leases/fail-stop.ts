import { writeSync } from 'node:fs';

const STDERR = 2;

/**
 * Ends this process at once with SIGKILL, from any thread: a blocked main thread cannot run an exit handler. Says why on
 * standard error.
 */
export function failStop(reason: string): void {
  try {
    writeSync(STDERR, `task-center: process ${process.pid} kills itself: ${reason}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
