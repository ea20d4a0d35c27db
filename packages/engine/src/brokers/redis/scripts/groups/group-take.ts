import { MAX_SET_TASKS, MAX_SET_BYTES, SET_MS, type GroupRules } from '../../../../broker/groups.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

export interface GroupTakeCall {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly rules: GroupRules;
  /** IDs for the sets; at most this many are taken. */
  readonly setIds: readonly string[];
  /** Names of the groups to check. */
  readonly groups: readonly string[];
}

export interface TakenSet {
  readonly group: string;
  readonly size: number;
}

const S = 1_000;

export const groupTake = defineScript({
  name: 'group-take',
  lua: lua.groupTake,
  keys: ({ queue, receipt }: GroupTakeCall) => [receipt.key, pendingKey(queue)],
  args: ({ receipt, rules: { graceMs, maxDelayMs, maxSize }, setIds, groups }) => [
    ...receiptArgs(receipt),
    Math.ceil(graceMs / S),
    Math.ceil(maxDelayMs / S),
    maxSize,
    MAX_SET_TASKS,
    MAX_SET_BYTES,
    SET_MS / S,
    setIds.length,
    ...setIds,
    ...groups,
  ],
  /** The sets taken, in the order of their IDs. */
  reply: (raw, { groups }): TakenSet[] | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const entries = textOf(raw).split(',').filter(Boolean);
    return entries.map((entry) => {
      const [index, size] = entry.split(':').map(Number);
      return { group: groups[index ?? -1] ?? '', size: size ?? 0 };
    });
  },
});
