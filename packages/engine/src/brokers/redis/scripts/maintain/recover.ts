import { pendingKey } from '../../../../protocol/keys.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';
import { parseTakenRows, type Fetched } from '../consume/exchange.ts';

export interface RecoverCall extends Step {
  /** A task with this many crashes is archived. */
  readonly maxCrashes: number;
  /** How long the caller leases Go's tasks, ms. */
  readonly leaseMs: number;
}

export interface RecoverReply {
  readonly recovered: number;
  readonly archived: number;
  /** IDs without a task. */
  readonly dropped: readonly string[];
  /** Go's tasks, leased to the caller, which must end them. */
  readonly orphans: Fetched;
}

type Raw = readonly [
  recovered: number,
  archived: number,
  dropped: readonly unknown[],
  token: number,
  rows: readonly unknown[],
];

export const recover = defineScript({
  name: 'recover',
  lua: lua.recover,
  keys: ({ queue }: RecoverCall) => [pendingKey(queue)],
  args: ({ limit, maxCrashes, leaseMs }) => [limit, maxCrashes, leaseMs],
  reply: (raw, { queue }): RecoverReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, archived, dropped, token, rows] = raw as Raw;
    const orphans = { queue, token, rows: parseTakenRows(rows), dropped: [], corrupt: null };
    return { recovered, archived, dropped: dropped.map(textOf), orphans };
  },
});
