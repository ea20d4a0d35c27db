import { MAX_BATCH_BYTES, MAX_BATCH } from './batch-by-queue.ts';

// What the facets share that show things to people: announcements out, foreign bytes in.

/** What single calls may carry, in order; the first may be empty, and one item always fits. */
export function portions<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  const all: Item[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const last = all[all.length - 1] as Item[];
    bytes += sizeOf(item);
    if (last.length < MAX_BATCH && bytes <= MAX_BATCH_BYTES) last.push(item);
    else {
      all.push([item]);
      bytes = sizeOf(item);
    }
  }
  return all;
}

/** Null for bytes that are no message. */
export function decodedOrNull<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T | null {
  try {
    return decode(bytes);
  } catch {
    return null;
  }
}
