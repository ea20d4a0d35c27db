import type { Durability } from '../broker/submit.ts';
import type { Backoff } from '../policies/backoff.ts';
import type { TaskContext } from '../task/context.ts';
import type { TaskDefaults } from '../task/define-task.ts';
import type { Duration } from '../task/duration.ts';

/** How one task is to be stored and run. All optional; what stands here counts before its definition's. */
export interface EnqueueOptions extends TaskDefaults {
  /** The task's ID: 1 to 255 bytes, not blank, without points and control characters. Default: a new UUID. */
  readonly id?: string;
  /** Start this long after now, by the broker's clock. Default: at once. With `runAt` too, the later one counts. */
  readonly delay?: Duration;
  /** Start not before this time; the past means now. At most ten years ahead. */
  readonly runAt?: Date;
  /** Waits between attempts. Default: 1 s doubling to 300 s, plus up to 25 %. */
  readonly backoff?: Backoff;
  /** No attempt runs after this time. Default: none. */
  readonly deadline?: Date;
  /**
   * How safe the task is when `enqueue` resolves: `replicated`: on a replica; `fsync`: on the disk (Redis 7.2 or newer
   * with AOF, SQLite always). Default `memory`: as the broker stores all tasks.
   */
  readonly durability?: Durability;
  /** Whom the task belongs to and the trace it is part of. */
  readonly context?: TaskContext;
}
