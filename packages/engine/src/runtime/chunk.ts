export interface ChunkLimits {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** How many items from index `from` on fit into one chunk. The first one always fits. */
export function countFitting<Item>(
  items: readonly Item[],
  { maxItems, maxBytes, from = 0 }: ChunkLimits & { readonly from?: number },
  sizeOf: (item: Item) => number,
): number {
  let count = 0;
  for (let bytes = 0; from + count < items.length; count += 1) {
    bytes += sizeOf(items[from + count] as Item);
    if (count > 0 && (count === maxItems || bytes > maxBytes)) break;
  }
  return count;
}

/** Splits a list, in order, into chunks within the limits. An item that is too large is a chunk of its own. */
export function chunk<Item>(
  items: readonly Item[],
  { maxItems, maxBytes }: ChunkLimits,
  sizeOf: (item: Item) => number,
): Item[][] {
  const chunks: Item[][] = [];
  for (let from = 0; from < items.length;) {
    const count = countFitting(items, { maxItems, maxBytes, from }, sizeOf);
    chunks.push(items.slice(from, from + count));
    from += count;
  }
  return chunks;
}
