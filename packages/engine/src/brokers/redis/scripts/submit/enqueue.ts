import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript, type ScriptValue, type Values } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';

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

/** How a call sends its items: `append` adds the values of one item to the arguments; `size` is their number. */
interface ItemForm {
  readonly append: (args: ScriptValue[], item: EnqueueItem) => void;
  readonly size: number;
}

const EMPTY = { id: '', message: '', meta: '', delayMs: 0, runAtMs: 0, lock: '', lockSeconds: 0, group: '' };

function form(append: (args: ScriptValue[], item: Values<keyof EnqueueItem>) => void): ItemForm {
  const sample: ScriptValue[] = [];
  append(sample, EMPTY);
  return { append, size: sample.length };
}

const BARE = form(lua.enqueue.records.bareItem);
const PLAIN = form(lua.enqueue.records.plainItem);
const WHOLE = form(lua.enqueue.records.item);

/** The shortest form for these items; what it leaves out has its default in all of them. */
function formFor(items: readonly EnqueueItem[]): ItemForm {
  let shortest = BARE;
  for (const { meta, delayMs, runAtMs, lock, group } of items) {
    if (lock !== '' || group !== '') return WHOLE;
    if (meta !== '' || delayMs > 0 || runAtMs > 0) shortest = PLAIN;
  }
  return shortest;
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
    slot: receipt.slot,
    sequence: receipt.sequence,
    hasRepeats: hasRepeatedIds(items) ? 1 : 0,
    valuesPerItem: formFor(items).size,
    businessCount: businesses.length,
  }),
  moreArgs: ({ items, businesses }, args) => {
    const { append } = formFor(items);
    args.push(...businesses);
    for (const item of items) append(args, item);
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
