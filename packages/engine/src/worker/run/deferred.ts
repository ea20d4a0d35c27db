import type { GivenBack, LeasedTask } from '../../broker/consume.ts';

/** Brokers keep no more of a reason. */
const MAX_REASON_LENGTH = 200;
/** Longest pause: a year. Brokers store times, and a pause of NaN or Infinity leads to none. */
const MAX_DEFERRAL_MS = 31_536_000_000;

/** Why and for how long a task is put off. */
export interface Deferral {
  readonly delayMs: number;
  readonly reason: string;
  readonly nowMs: number;
}

/** The end of an attempt that may not run now. A task with a deadline is due by then: it must end in time. */
export function deferred(task: LeasedTask, { delayMs, reason, nowMs }: Deferral): GivenBack {
  const asked = Number.isNaN(delayMs) ? 0 : Math.min(MAX_DEFERRAL_MS, Math.max(0, delayMs));
  const leftMs = task.deadlineMs > 0 ? Math.max(0, task.deadlineMs - nowMs) : Infinity;
  const text = reason.slice(0, MAX_REASON_LENGTH).toWellFormed();
  return { task, outcome: 'defer', delayMs: Math.min(asked, leftMs), reason: text };
}
