import type { Backoff } from '../policies/backoff.ts';
import type { TaskContext } from '../task/context.ts';
import type { Duration } from '../task/duration.ts';

/** How one task is to be stored and run. All optional. */
export interface EnqueueOptions {
  /** The task's ID: 1 to 100 of `A-Z a-z 0-9 _ : -`. Default: a new UUID. */
  readonly id?: string;
  /** Default `default`. */
  readonly queue?: string;
  /** Start this long after now, by the broker's clock. Default: at once. With `runAt` too, the later one counts. */
  readonly delay?: Duration;
  /** Start not before this time; the past means now. At most ten years ahead. */
  readonly runAt?: Date;
  /** Retries after the first attempt; 0 = one attempt only; up to 1,000. Default 3. */
  readonly maxRetries?: number;
  /** Waits between attempts. Default: 1 s doubling to 300 s, plus up to 25 %. */
  readonly backoff?: Backoff;
  /** Longest time of one attempt; then its signal aborts and it counts as failed. Default 30 min, as in Asynq. */
  readonly timeout?: Duration;
  /** No attempt runs after this time. Default: none. */
  readonly deadline?: Date;
  /** How long the completed task and its result are kept. Default 0: it vanishes, as in Asynq. */
  readonly retention?: Duration;
  /** Metadata that handlers see, Go's too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whom the task belongs to and the trace it is part of. */
  readonly context?: TaskContext;
}
