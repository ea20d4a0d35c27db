import type { TaskMeta } from '@task-center/engine';
import { plainTaskId } from '@task-center/model';

/** The fire of a schedule that has made a task, as callers see it. */
export interface TaskFire {
  readonly scheduleId: string;
  /** The logical time, wall-clock ms. */
  readonly atMs: number;
  /** Which task of the fire it is, from 0; null = the only one. */
  readonly shard: { readonly index: number; readonly total: number } | null;
}

/** Latest time that a `Date` can hold, ms. */
const MAX_TIME_MS = 8.64e15;

/** Null = no fire has made it. Stored data may be damaged, and half a fire is none: the task is shown and delivered anyway. */
export function fireOf({ schedule, fireMs, shard, business }: TaskMeta): TaskFire | null {
  if (typeof schedule !== 'string' || typeof fireMs !== 'number' || Math.abs(fireMs) > MAX_TIME_MS)
    return null;
  const [index, total] = shard?.length === 2 ? shard : [];
  return {
    scheduleId: plainTaskId(schedule, business ?? null),
    atMs: fireMs,
    shard: index === undefined || total === undefined ? null : { index, total },
  };
}
