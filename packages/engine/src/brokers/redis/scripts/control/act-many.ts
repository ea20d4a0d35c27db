import type { ActStep, Acted } from '../../../../broker/control.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

export interface ActManyCall extends ActStep {
  readonly receipt: Receipt;
}

export const actMany = defineScript({
  name: 'act-many',
  lua: lua.actMany,
  keys: ({ queue, receipt }: ActManyCall) => [receipt.key, pendingKey(queue)],
  args: ({ receipt, verb, state, group, limit }) => [
    ...receiptArgs(receipt),
    verb,
    state,
    group ?? '',
    limit,
  ],
  reply: (raw): Acted | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [handled, more] = textOf(raw).split(':');
    return { handled: Number(handled), more: more === '1' };
  },
});
