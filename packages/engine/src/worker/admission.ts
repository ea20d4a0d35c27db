import { parseDuration, type Duration } from '@task-center/model';
import { withMethods } from '../checks/values.ts';
import type { GivenBack, LeasedTask } from '../broker/consume.ts';

/** When a task that may not start now is tried again, and why. */
export interface Postponement {
  /** It is due again after this time. */
  readonly delay: Duration;
  /** What it waits for, in words for people, at most 200 characters. */
  readonly reason: string;
}

/**
 * Decides how many tasks a worker takes and which of them start, in place of its plain number of slots. For workers whose tasks
 * share something scarce, such as the hosts that callbacks go to.
 */
export interface Admission {
  /** Called once, before anything else. Call `fetch` when `room` has grown other than by the end of an attempt. */
  attach(fetch: () => void): void;
  /** How many tasks to ask for now, beside those that run. Not positive = none. */
  room(): number;
  /** A fetch has ended. One that has found no task: all that were pending have come. */
  onFetched(hasFound: boolean): void;
  /** Whether a task that has come may start. Undefined = it may; otherwise it is deferred, and no attempt is used up. Never throws. */
  judge(task: LeasedTask): Postponement | undefined;
  /** Its attempt begins. It may be one that was not judged, because it starts alone. */
  onStarted(task: LeasedTask): void;
  /** Its attempt has ended. */
  onEnded(task: LeasedTask): void;
}

export const admission = withMethods('an admission', [
  'attach',
  'room',
  'onFetched',
  'judge',
  'onStarted',
  'onEnded',
]);

/** Brokers keep this many characters of a reason. */
const MAX_REASON_LENGTH = 200;
/** Longest pause: a year. Brokers store the time at which it ends, and there is none after a pause of NaN or Infinity. */
const MAX_DEFERRAL_MS = 31_536_000_000;

/** Gives a task back that may not run now. A task with a deadline is due by its deadline at the latest, and ends there. */
export function deferred(task: LeasedTask, { delay, reason }: Postponement, nowMs: number): GivenBack {
  const delayMs = typeof delay === 'number' ? delay : (parseDuration(delay) ?? 0);
  const asked = Number.isNaN(delayMs) ? 0 : Math.min(MAX_DEFERRAL_MS, Math.max(0, delayMs));
  const leftMs = task.deadlineMs > 0 ? Math.max(0, task.deadlineMs - nowMs) : Infinity;
  const text = reason.slice(0, MAX_REASON_LENGTH).toWellFormed();
  return { task, outcome: 'defer', delayMs: Math.min(asked, leftMs), reason: text };
}
