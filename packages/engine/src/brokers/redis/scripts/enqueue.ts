import { pendingKey, taskKey } from '../../../protocol/keys.ts';
import type { Receipt } from '../receipts.ts';
import { defineScript, type RedisArg } from '../script.ts';
import { lua } from './lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from './reply.ts';

export interface EnqueueItem {
  readonly id: string;
  readonly message: Buffer;
  /** '' = none. */
  readonly meta: string;
  readonly delayMs: number;
  /** Wall-clock ms; 0 = none. */
  readonly runAtMs: number;
}

export interface EnqueueCall {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly items: readonly EnqueueItem[];
  /** Distinct businesses among the items. */
  readonly businesses: readonly string[];
}

export interface Enqueued {
  readonly nowMs: number;
  /** A character per item: `1` stored, `0` the ID is taken, `x` its key holds no hash. */
  readonly codes: string;
}

function hasTwins(items: readonly EnqueueItem[]): boolean {
  return new Set(items.map(({ id }) => id)).size < items.length;
}

export const enqueue = defineScript({
  name: 'enqueue',
  lua: lua.enqueue,
  keys: ({ queue, receipt, items }: EnqueueCall) => {
    const keys = [receipt.key, pendingKey(queue)];
    for (const { id } of items) keys.push(taskKey(queue, id));
    return keys;
  },
  args: ({ receipt, items, businesses }) => {
    const args: (RedisArg | number)[] = [...receiptArgs(receipt), hasTwins(items) ? 1 : 0];
    args.push(businesses.length, ...businesses);
    for (const { id, message, meta, delayMs, runAtMs } of items)
      args.push(id, message, meta, delayMs, runAtMs);
    return args;
  },
  reply: (raw): Enqueued | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [now, codes = ''] = textOf(raw).split(':');
    return { nowMs: Number(now), codes };
  },
});
