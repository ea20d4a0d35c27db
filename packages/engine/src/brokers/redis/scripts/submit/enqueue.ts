import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript, type RedisArg } from '../../client/script.ts';
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
  /** How long the lock lasts after the start. */
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
  /** A character per item: `1` stored, `0` the ID is taken, `d` its lock is held, `x` a key of a wrong type. */
  readonly codes: string;
  /** Nothing is known of this client any more: the queue may not be registered. */
  readonly isNew: boolean;
  /** Who holds the lock, per `d`, in order; '' = unknown. */
  readonly holders: readonly string[];
}

/** Values per task: of tasks that start at once, with nothing of ours; of others; with a lock or a group. */
const BARE_WIDTH = 2;
const PLAIN_WIDTH = 5;
const SPECIAL_WIDTH = 8;

/** All values of an item, as the prelude `store` has them. */
export function itemArgs(item: EnqueueItem): (RedisArg | number)[] {
  const { id, message, meta, delayMs, runAtMs, lock, lockSeconds, group } = item;
  return [id, message, meta, delayMs, runAtMs, lock, lockSeconds, group];
}

function widthOf({ meta, delayMs, runAtMs, lock, group }: EnqueueItem): number {
  if (lock !== '' || group !== '') return SPECIAL_WIDTH;
  return meta === '' && delayMs <= 0 && runAtMs <= 0 ? BARE_WIDTH : PLAIN_WIDTH;
}

function hasTwins(items: readonly EnqueueItem[]): boolean {
  return new Set(items.map(({ id }) => id)).size < items.length;
}

/** IDs, each after its number of bytes: they may hold any bytes. */
function holdersIn(bytes: Buffer): string[] {
  const holders: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const colon = bytes.indexOf(':', at);
    const end = colon + 1 + Number(bytes.toString('latin1', at, colon));
    holders.push(bytes.toString('utf8', colon + 1, end));
    at = end;
  }
  return holders;
}

export const enqueue = defineScript({
  name: 'enqueue',
  lua: lua.enqueue,
  keys: ({ queue, receipt }: EnqueueCall) => [receipt.key, pendingKey(queue)],
  args: ({ receipt, items, businesses }) => {
    const width = items.reduce((most, item) => Math.max(most, widthOf(item)), BARE_WIDTH);
    const args: (RedisArg | number)[] = [...receiptArgs(receipt), hasTwins(items) ? 1 : 0];
    args.push(width, businesses.length, ...businesses);
    for (const item of items) {
      if (width === BARE_WIDTH) args.push(item.id, item.message);
      else if (width === SPECIAL_WIDTH) args.push(...itemArgs(item));
      else args.push(item.id, item.message, item.meta, item.delayMs, item.runAtMs);
    }
    return args;
  },
  reply: (raw): Enqueued | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [now, codes = '', isNew] = textOf(raw).split(':', 3);
    const held = `${now}:${codes}:${isNew}:`.length;
    return {
      nowMs: Number(now),
      codes,
      isNew: isNew === '1',
      holders: holdersIn((raw as Buffer).subarray(held)),
    };
  },
});
