/** Bounds of a script call (design D2). */
export const MAX_BATCH = 256;
export const MAX_BATCH_BYTES = 524_288;

/** Items of one queue for one call, with their places in the caller's list. */
interface QueueBatch<Item> {
  readonly queue: string;
  readonly items: Item[];
  readonly places: number[];
}

export interface HowToBatch<Item> {
  queueOf(item: Item): string;
  /** Bytes that a call carries for it; one item always fits. */
  sizeOf?(item: Item): number;
}

/** Splits a list into bounded calls per queue, in order. */
function batchesOf<Item>(items: readonly Item[], how: HowToBatch<Item>): QueueBatch<Item>[] {
  const batches: QueueBatch<Item>[] = [];
  const open = new Map<string, { readonly batch: QueueBatch<Item>; bytes: number }>();
  items.forEach((item, place) => {
    const queue = how.queueOf(item);
    const size = how.sizeOf?.(item) ?? 0;
    let last = open.get(queue);
    if (!last || last.batch.items.length === MAX_BATCH || last.bytes + size > MAX_BATCH_BYTES) {
      last = { batch: { queue, items: [], places: [] }, bytes: 0 };
      open.set(queue, last);
      batches.push(last.batch);
    }
    last.bytes += size;
    last.batch.items.push(item);
    last.batch.places.push(place);
  });
  return batches;
}

/** Asks per batch, all at once, and puts the flags back into the order of the list. */
export async function flagsOf<Item>(
  items: readonly Item[],
  how: HowToBatch<Item>,
  ask: (queue: string, items: readonly Item[]) => Promise<readonly boolean[]>,
): Promise<boolean[]> {
  const flags = items.map(() => false);
  await Promise.all(
    batchesOf(items, how).map(async ({ queue, items: some, places }) => {
      const found = await ask(queue, some);
      found.forEach((flag, i) => (flags[places[i] ?? -1] = flag));
    }),
  );
  return flags;
}
