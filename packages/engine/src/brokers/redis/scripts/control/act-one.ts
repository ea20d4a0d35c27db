import type { ActVerb } from '../../../../broker/control.ts';
import { pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { controlOutcome } from './control-outcome.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs } from '../reply.ts';

export interface ActOneCall {
  readonly task: TaskRef;
  readonly receipt: Receipt;
  readonly verb: ActVerb;
  /** '' = none. */
  readonly lock: string;
}

export const actOne = defineScript({
  name: 'act-one',
  lua: lua.actOne,
  keys: ({ task, receipt }: ActOneCall) => [
    receipt.key,
    pendingKey(task.queue),
    taskKey(task.queue, task.id),
  ],
  args: ({ task, receipt, verb, lock }) => [...receiptArgs(receipt), task.id, verb, lock],
  reply: controlOutcome,
});
