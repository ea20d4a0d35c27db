import { plainTaskId } from '@task-center/model';
import type { TaskPage, TaskRecord } from '../broker/inspect.ts';
import { showContents, type ShownPayload, type ShownResult } from '../control/index.ts';

/**
 * A task as an inspector shows it: as it was when it was read. Every broker returns the same fields. Times are wall-clock
 * ms; on Redis those of an end, an expiry and the last error are in whole seconds, as Asynq stores them.
 */
export interface TaskInfo extends Omit<TaskRecord, 'payload' | 'result'>, ShownPayload, ShownResult {
  /** The ID that `enqueue` took or returned. */
  readonly id: string;
  /** The `businessId` it was enqueued with; null = none. */
  readonly businessId: string | null;
}

/** A page of a list of tasks. */
export interface TaskInfoPage extends Omit<TaskPage, 'tasks'> {
  readonly tasks: readonly TaskInfo[];
}

export function taskInfo(record: TaskRecord): TaskInfo {
  const { queue, type, state, payload, result, ...more } = record;
  const businessId = record.meta.business ?? null;
  // In the order in which people want to read it.
  const first = { queue, id: plainTaskId(record.id, businessId), businessId, type, state, payload, result };
  return showContents({ ...first, ...more, id: first.id });
}
