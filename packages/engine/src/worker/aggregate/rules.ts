import type { Duration } from '@task-center/model';
import { MAX_SET_TASKS, type GroupRules } from '../../broker/groups.ts';
import type { TaskToEnqueue } from '../../client/prepare-task.ts';
import { boundedMs, durationMs } from '../../checks/duration.ts';
import { invalidValue } from '../../errors/task-center-error.ts';

/** A task of a group, as `aggregate` gets it. */
export interface GroupedTask {
  /** The ID that was submitted. */
  readonly id: string;
  readonly type: string;
  /** Null = none. */
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Tasks of a group that become one task. */
export interface AggregatedGroup {
  readonly queue: string;
  readonly group: string;
  /** 1 to 1,000, in the order in which they joined. */
  readonly tasks: readonly GroupedTask[];
  /** Aborts when the time for it is nearly over, after about two minutes, or when the worker stops. */
  readonly signal: AbortSignal;
}

/** How and when the tasks of a group become one task. */
export interface AggregationOptions {
  /**
   * Makes one task of the tasks of a group. It is stored in their queue, and they are removed in the same step. If this
   * throws or takes longer than two minutes, or if the new task is refused, the tasks go back to their group after a pause. From
   * the third failure on they come in sets of half the size, and a task that fails three times alone is archived with the error.
   * A new task that is refused as a duplicate is no failure: it is tried again after 30 s, until the other one has ended.
   * `queue` and `durability` of the new task are ignored.
   */
  readonly aggregate: (group: AggregatedGroup) => TaskToEnqueue | Promise<TaskToEnqueue>;
  /** A group is ready when it had no new task for this time, at least 1 s. Default 60 s, as in Asynq. */
  readonly gracePeriod?: Duration;
  /** A group is also ready when its oldest task has waited for this time. Default: no such rule. */
  readonly maxDelay?: Duration;
  /** A group is also ready when it has this number of tasks, 1 to 1,000, which also limits a set. Default: no such rule. */
  readonly maxSize?: number;
}

const DEFAULT_GRACE: Duration = '60s';

/** When a group is ready, with defaults. @throws TaskCenterError `invalid-value` */
export function checkRules({
  gracePeriod = DEFAULT_GRACE,
  maxDelay = 0,
  maxSize = 0,
}: AggregationOptions): GroupRules {
  const graceMs = boundedMs(gracePeriod, 'gracePeriod', { min: '1s' });
  if (!Number.isInteger(maxSize) || maxSize < 0 || maxSize > MAX_SET_TASKS) {
    const expected = `a whole number from 1 to ${MAX_SET_TASKS}, or 0 for no such rule`;
    throw invalidValue('maxSize', maxSize, expected);
  }
  return { graceMs, maxDelayMs: durationMs(maxDelay, 'maxDelay'), maxSize };
}
