import type { Duration } from '@task-center/model';
import { MAX_SET_TASKS, type GroupRules } from '../../broker/groups.ts';
import type { TaskToEnqueue } from '../../client/prepare-task.ts';
import { durationMs } from '../../checks/duration.ts';
import { createOptionsCheck, required } from '../../checks/options.ts';
import { lengthOfTime, durationWithin, func, wholeNumber, type ValueCheck } from '../../checks/values.ts';

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

const checkAggregation = createOptionsCheck<AggregationOptions>('an aggregation', {
  aggregate: required(func),
  gracePeriod: durationWithin({ min: '1s' }),
  maxDelay: lengthOfTime,
  maxSize: wholeNumber(0, MAX_SET_TASKS),
});

export const aggregation: ValueCheck = (value, name) => void checkAggregation(value, name);

/** When a group is ready, with defaults. */
export function readRules({
  gracePeriod = DEFAULT_GRACE,
  maxDelay = 0,
  maxSize = 0,
}: AggregationOptions): GroupRules {
  const graceMs = durationMs(gracePeriod, 'gracePeriod');
  return { graceMs, maxDelayMs: durationMs(maxDelay, 'maxDelay'), maxSize };
}
