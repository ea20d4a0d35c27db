import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import type { RedisArg } from '../../client/script.ts';
import { appendRecord, defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

export interface EnqueueItem {
  readonly id: string;
  readonly message: Buffer;
  /** '' = none. */
  readonly meta: string;
  readonly delayMs: number;
  /** Wall-clock ms; 0 = none. */
  readonly runAtMs: number;
  /** '' = none. */
  readonly lock: string;
  /** How long the lock lasts after the task's start, s. */
  readonly lockSeconds: number;
  /** '' = none. */
  readonly group: string;
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
  /** A character of CODE per item. */
  readonly codes: string;
  /** Redis has no receipt of this client: it may have been flushed, and the queue may not be registered any more. */
  readonly isNew: boolean;
  /** ID of the task that holds the lock, for each `CODE.duplicate` in order; '' = unknown. */
  readonly holders: readonly string[];
}

/**
 * Values per task: of tasks that start at once and have no meta; of others; of those with a lock or a group. All tasks of a
 * call send the number that the most demanding one needs.
 */
const BARE_VALUES = 2;
const PLAIN_VALUES = 5;
const SPECIAL_VALUES = 8;

const ITEM = lua.enqueue.records.item;

/** How many values the item needs; the others would have their defaults. */
function valuesNeeded({ meta, delayMs, runAtMs, lock, group }: EnqueueItem): number {
  if (lock !== '' || group !== '') return SPECIAL_VALUES;
  return meta === '' && delayMs <= 0 && runAtMs <= 0 ? BARE_VALUES : PLAIN_VALUES;
}

/** How many values all items of a call send. */
function valuesPerItem(items: readonly EnqueueItem[]): number {
  let most = BARE_VALUES;
  for (const item of items) most = Math.max(most, valuesNeeded(item));
  return most;
}

/** Then the script must check every ID on its own, as an earlier task of the call may have taken it. */
function hasRepeatedIds(items: readonly EnqueueItem[]): boolean {
  return new Set(items.map(({ id }) => id)).size < items.length;
}

/** Parses `<length>:<ID>` pairs. Lengths are in bytes, as foreign IDs may contain any bytes. */
function holdersIn(bytes: Buffer): string[] {
  const holders: string[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const colon = bytes.indexOf(':', offset);
    const end = colon + 1 + Number(bytes.toString('latin1', offset, colon));
    holders.push(bytes.toString('utf8', colon + 1, end));
    offset = end;
  }
  return holders;
}

/** Stores new tasks of one queue. */
export const enqueue = defineScript({
  lua: lua.enqueue,
  keys: ({ queue, receipt }: EnqueueCall) => ({ receipt: receipt.key, pending: pendingKey(queue) }),
  args: ({ receipt, items, businesses }) => ({
    ...receiptArgs(receipt),
    hasRepeats: hasRepeatedIds(items) ? 1 : 0,
    valuesPerItem: valuesPerItem(items),
    businessCount: businesses.length,
  }),
  moreArgs: ({ items, businesses }) => {
    const names = ITEM.slice(0, valuesPerItem(items));
    const args: (RedisArg | number)[] = [...businesses];
    for (const item of items) appendRecord(args, names, item);
    return args;
  },
  reply: (raw): Enqueued | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [now, codes = '', isNew] = textOf(raw).split(':', 3);
    const prefixBytes = `${now}:${codes}:${isNew}:`.length;
    return {
      nowMs: Number(now),
      codes,
      isNew: isNew === '1',
      holders: holdersIn((raw as Buffer).subarray(prefixBytes)),
    };
  },
});
