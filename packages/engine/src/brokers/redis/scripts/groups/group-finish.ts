import { pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript, type RedisArg } from '../../client/script.ts';
import { itemArgs, type EnqueueItem } from '../submit/enqueue.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

/** A unique lock and the ID of the task that it was taken for. */
export type HeldLock = readonly [lock: string, id: string];

export interface GroupFinishCall {
  readonly queue: string;
  readonly receipt: Receipt;
  /** The set's key. */
  readonly set: string;
  /** IDs of members whose messages cannot be read: they are archived. */
  readonly unreadable: readonly string[];
  readonly locks: readonly HeldLock[];
  /** The task that the set was aggregated into; null = none. */
  readonly item: EnqueueItem | null;
  /** '' = none. */
  readonly business: string;
}

export interface GroupFinished {
  readonly nowMs: number;
  /** As in `enqueue`, or `l`: the set goes back to its group. */
  readonly code: string;
  /** With the code `d`: ID of the task that holds the lock; '' = unknown. */
  readonly holder: string;
}

export const groupFinish = defineScript({
  name: 'group-finish',
  lua: lua.groupFinish,
  keys: ({ queue, receipt, set, item }: GroupFinishCall) => [
    receipt.key,
    pendingKey(queue),
    set,
    item ? taskKey(queue, item.id) : set,
  ],
  args: ({ receipt, unreadable, locks, item, business }) => {
    const args: (RedisArg | number)[] = [...receiptArgs(receipt), unreadable.length, ...unreadable];
    args.push(locks.length, ...locks.flat(), business);
    return item ? [...args, ...itemArgs(item)] : args;
  },
  reply: (raw): GroupFinished | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [, now, code = '', holder = ''] = /^(\d+):(.):([^]*)$/.exec(textOf(raw)) ?? [];
    return { nowMs: Number(now), code, holder };
  },
});
