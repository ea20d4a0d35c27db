/** Measures how long the event loop is held, as processor time of the main thread: other processes do not change it. */
import { readFileSync } from 'node:fs';

const SCHEDSTAT = `/proc/self/task/${process.pid}/schedstat`;

/** Processor time of the main thread so far, ms. */
function cpuMs(): number {
  return Number(readFileSync(SCHEDSTAT, 'utf8').split(' ')[0]) / 1e6;
}

/** Whether this system shows the processor time of a thread. */
export function hasSchedstat(): boolean {
  try {
    return cpuMs() > 0;
  } catch {
    return false;
  }
}

/** Runs `work`, and resolves to its result and to the longest turn of the event loop until its end. */
export async function longestTurn<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly turnMs: number }> {
  let turnMs = 0;
  let sinceMs = 0;
  let isOver = false;
  const next = () => {
    const nowMs = cpuMs();
    turnMs = Math.max(turnMs, nowMs - sinceMs);
    sinceMs = nowMs;
    if (!isOver) setImmediate(next);
  };
  // What was done before this turn does not count.
  await new Promise(setImmediate);
  sinceMs = cpuMs();
  setImmediate(next);
  try {
    return { result: await work(), turnMs: Math.max(turnMs, cpuMs() - sinceMs) };
  } finally {
    isOver = true;
  }
}
