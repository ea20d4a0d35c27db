import { write } from 'node:fs';
import { systemClock } from '../runtime/clock.ts';

const STDERR = 2;
/** Longest time to say why, ms: standard error may take nothing, and would hold this thread up for ever. */
const MAX_WRITE_MS = 500;

/**
 * Ends this process with SIGKILL, from a thread whose event loop runs: a blocked main thread cannot run an exit handler. Says why on
 * standard error first.
 */
export function failStop(reason: string): void {
  const kill = () => process.kill(process.pid, 'SIGKILL');
  systemClock.after(MAX_WRITE_MS, kill);
  write(STDERR, `task-center: process ${process.pid} kills itself: ${reason}\n`, kill);
}
