import { MAX_BATCH_BYTES, MAX_BATCH } from './batch-by-queue.ts';

// Helpers of the facets for Asynq's server, worker and scheduler keys: bounded writes, and bytes that others wrote.

/** Splits items, in order, into portions that one call may carry. At least one portion; one item always fits. */
export function portions<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  const split: Item[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const last = split[split.length - 1] as Item[];
    bytes += sizeOf(item);
    if (last.length < MAX_BATCH && bytes <= MAX_BATCH_BYTES) last.push(item);
    else {
      split.push([item]);
      bytes = sizeOf(item);
    }
  }
  return split;
}

/** Decodes a message; null if the bytes are not one. */
export function decodedOrNull<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T | null {
  try {
    return decode(bytes);
  } catch {
    return null;
  }
}
