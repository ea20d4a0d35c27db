import type { TaskAction } from '../../../../broker/control.ts';
import { pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { controlOutcome } from './control-outcome.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs } from '../reply.ts';

export interface ChangeOneCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  readonly action: TaskAction;
  /** Key of the unique lock; '' = none. */
  readonly lock: string;
}

export const changeOne = defineScript({
  name: 'change-one',
  lua: lua.changeOne,
  keys: ({ task, receipt }: ChangeOneCall) => [
    receipt.key,
    pendingKey(task.queue),
    taskKey(task.queue, task.id),
  ],
  args: ({ task, receipt, action, lock }) => [...receiptArgs(receipt), task.id, action, lock],
  reply: controlOutcome,
});
