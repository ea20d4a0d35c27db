import type { BulkStep, BulkOutcome } from '../../../../broker/control.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

export interface ChangeManyCall extends BulkStep {
  readonly receipt: Receipt;
}

/** Changes the first tasks of a state. Replies with how many, and whether there are more. */
export const changeMany = defineScript({
  name: 'change-many',
  lua: lua.changeMany,
  keys: ({ queue, receipt }: ChangeManyCall) => [receipt.key, pendingKey(queue)],
  args: ({ receipt, action, state, group, limit }) => [
    ...receiptArgs(receipt),
    action,
    state,
    group ?? '',
    limit,
  ],
  reply: (raw): BulkOutcome | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [handled, more] = textOf(raw).split(':');
    return { handled: Number(handled), more: more === '1' };
  },
});
