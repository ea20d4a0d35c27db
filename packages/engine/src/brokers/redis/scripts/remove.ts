import { pendingKey, taskKey } from '../../../protocol/keys.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import type { Receipt } from '../receipts.ts';
import { defineScript } from '../script.ts';
import { controlOutcome } from './control-outcome.ts';
import { lua } from './lua.generated.ts';
import { receiptArgs } from './reply.ts';

export interface RemoveCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  /** '' = none. */
  readonly lock: string;
}

export const remove = defineScript({
  name: 'remove',
  lua: lua.remove,
  keys: ({ task, receipt }: RemoveCall) => [
    receipt.key,
    pendingKey(task.queue),
    taskKey(task.queue, task.id),
  ],
  args: ({ task, receipt, lock }) => [...receiptArgs(receipt), task.id, lock],
  reply: controlOutcome,
});
