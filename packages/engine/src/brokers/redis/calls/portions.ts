import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import { chunk } from '../../../runtime/chunk.ts';

// Helpers of the facets for Asynq's server, worker and scheduler keys: bounded writes, and bytes that others wrote.

/** Splits items, in order, into portions that one call may carry. At least one portion; one item always fits. */
export function portions<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  const chunks = chunk(items, { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES }, sizeOf);
  return chunks.length > 0 ? chunks : [[]];
}

/** Decodes a message; null if the bytes are not one. */
export function decodedOrNull<T>(decode: (bytes: Buffer) => T, bytes: Buffer): T | null {
  try {
    return decode(bytes);
  } catch {
    return null;
  }
}
