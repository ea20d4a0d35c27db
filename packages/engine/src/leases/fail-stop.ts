import { writeSync } from 'node:fs';

const STDERR = 2;

/** Ends this process at once, from whatever thread: the main one may never answer again. */
export function failStop(reason: string): void {
  try {
    writeSync(STDERR, `task-center: this process (${process.pid}) ends itself: ${reason}\n`);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
