import type { Duration, TaskContext } from '@task-center/model';
import { createNamesCheck } from '../checks/options.ts';
import type { Durability } from '../broker/submit.ts';
import type { BackoffOptions } from '../task/backoff-options.ts';
import type { TaskDefaults } from '../task/define-task.ts';

/**
 * How one task is stored and run. Every field is optional. A field set here overrides the default of the task's
 * definition; `headers` are merged by name. An invalid field fails the call with `invalid-value` before anything is
 * stored.
 */
export interface EnqueueOptions extends TaskDefaults {
  /**
   * The task's ID, unique within its queue (within queue and business with `context.businessId`): 1 to 255 bytes, not
   * blank, without dots or control characters. If it is taken, `enqueue` fails with `task-exists`, whatever the
   * state of the other task. A call that is repeated with the same ID therefore stores no second task while the first
   * one exists; `retention` keeps a completed one. Default: a new UUID (v7).
   */
  readonly id?: string;
  /**
   * Earliest start, as a time from now by the broker's clock, at most ten years. Default: at once. With `runAt` as
   * well, the later of the two counts. Until then the task is `scheduled`.
   */
  readonly delay?: Duration;
  /**
   * Earliest start, as a time of the wall clock, at most ten years ahead. A time in the past means now. Default: at
   * once. With `delay` as well, the later of the two counts.
   */
  readonly runAt?: Date;
  /**
   * The waits between attempts. Default: 1 s, doubled each time up to 300 s, plus up to 25 % by chance. How often a
   * task is retried is `maxRetries`. A Go worker ignores it and uses its own delays.
   */
  readonly backoff?: BackoffOptions;
  /**
   * No attempt runs after this time, at most ten years ahead. It covers all attempts; `timeout` limits each one, and
   * the earlier limit counts. With a deadline the default timeout of 30 min does not apply. Stored in whole seconds,
   * rounded up. Default: none.
   */
  readonly deadline?: Date;
  /**
   * How safe the task is when `enqueue` resolves. `memory`: stored the way the broker stores every task. `replicated`:
   * at least one replica has it, too. `fsync`: it is on the disk (Redis 7.2 or newer with AOF; SQLite does so always).
   * Default `memory`.
   *
   * A broker that cannot do it fails with `durability-unsupported` and stores nothing. `durability-not-reached` means
   * that the task is stored, but was not confirmed within 1 s.
   */
  readonly durability?: Durability;
  /** The business and the user that the task belongs to, and the trace it is part of. Default: none of them. */
  readonly context?: TaskContext;
}

/** The options of a task. `draftTask` checks their values. */
export const ENQUEUE_NAMES: Readonly<Record<keyof EnqueueOptions, true>> = {
  queue: true,
  maxRetries: true,
  timeout: true,
  retention: true,
  unique: true,
  group: true,
  headers: true,
  id: true,
  delay: true,
  runAt: true,
  backoff: true,
  deadline: true,
  durability: true,
  context: true,
};

export const checkEnqueueOptions = createNamesCheck<EnqueueOptions>('enqueue', ENQUEUE_NAMES);
