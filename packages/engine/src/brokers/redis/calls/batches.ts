// How a list is split over calls, each within the bounds of one call.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import { chunk } from '../../../runtime/chunk.ts';

/** Splits items, in order, into chunks for one call each; at least one chunk. An item over the bound is a chunk alone. */
export function callChunks<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  const chunks = chunk(items, { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES }, sizeOf);
  return chunks.length > 0 ? chunks : [[]];
}

/** Items of one queue for one call, with their indexes in the caller's list. */
interface QueueBatch<Item> {
  readonly queue: string;
  readonly items: Item[];
  readonly indexes: number[];
}

/** How items are put into batches. */
export interface BatchRules<Item> {
  queueOf(item: Item): string;
  /** Bytes that a call carries for the item. A single item may exceed the bound. Default: not counted. */
  sizeOf?(item: Item): number;
}

/** Splits a list into bounded batches per queue, in order. */
function batchesOf<Item>(items: readonly Item[], rules: BatchRules<Item>): QueueBatch<Item>[] {
  const batches: QueueBatch<Item>[] = [];
  const open = new Map<string, { readonly batch: QueueBatch<Item>; bytes: number }>();
  items.forEach((item, index) => {
    const queue = rules.queueOf(item);
    const size = rules.sizeOf?.(item) ?? 0;
    let last = open.get(queue);
    if (!last || last.batch.items.length === MAX_BATCH || last.bytes + size > MAX_BATCH_BYTES) {
      last = { batch: { queue, items: [], indexes: [] }, bytes: 0 };
      open.set(queue, last);
      batches.push(last.batch);
    }
    last.bytes += size;
    last.batch.items.push(item);
    last.batch.indexes.push(index);
  });
  return batches;
}

/** Calls `ask` for each batch, all at once, and returns the flags in the order of the items. */
export async function askInBatches<Item>(
  items: readonly Item[],
  rules: BatchRules<Item>,
  ask: (queue: string, items: readonly Item[]) => Promise<readonly boolean[]>,
): Promise<boolean[]> {
  const flags = items.map(() => false);
  await Promise.all(
    batchesOf(items, rules).map(async ({ queue, items: batch, indexes }) => {
      const found = await ask(queue, batch);
      found.forEach((flag, i) => (flags[indexes[i] ?? -1] = flag));
    }),
  );
  return flags;
}

/** Items by a key, in the order of their first ones. */
export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
