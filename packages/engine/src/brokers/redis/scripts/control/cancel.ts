import { pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { controlOutcome } from './control-outcome.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs } from '../reply.ts';

export interface CancelCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  /** A JSON object; the script adds the time. */
  readonly note: string;
  readonly keepS: number;
  /** '' = none. */
  readonly lock: string;
}

export const cancel = defineScript({
  name: 'cancel',
  lua: lua.cancel,
  keys: ({ task, receipt }: CancelCall) => [
    receipt.key,
    pendingKey(task.queue),
    taskKey(task.queue, task.id),
  ],
  args: ({ task, receipt, note, keepS, lock }) => [...receiptArgs(receipt), task.id, note, keepS, lock],
  reply: controlOutcome,
});
