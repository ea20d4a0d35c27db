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
  /** A JSON object with reason and author; the script adds the time. */
  readonly cancellationJson: string;
  /** How long the cancelled task is kept. */
  readonly keepS: number;
  /** Key of the unique lock; '' = none. */
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
  args: ({ task, receipt, cancellationJson, keepS, lock }) => [
    ...receiptArgs(receipt),
    task.id,
    cancellationJson,
    keepS,
    lock,
  ],
  reply: controlOutcome,
});
