import type { TaskRef } from '../runtime/events.ts';
import { storedTaskId } from '../task/task-id.ts';

/** Identifies a task. */
export interface TaskAddress {
  readonly queue: string;
  /** The ID that `enqueue` took or returned. */
  readonly id: string;
  /** The `businessId` it was enqueued with, if any: IDs of two businesses are separate. */
  readonly businessId?: string;
}

/** The task as brokers know it: by the ID under which it is stored. */
export const refOf = ({ queue, id, businessId }: TaskAddress): TaskRef => ({
  queue,
  id: storedTaskId(id, businessId ?? null),
});
