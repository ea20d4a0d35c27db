import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import { chunk } from '../../../runtime/chunk.ts';

/** Splits items, in order, into chunks that one call may carry. At least one chunk; one item always fits. */
export function callChunks<Item>(items: readonly Item[], sizeOf: (item: Item) => number): Item[][] {
  const chunks = chunk(items, { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES }, sizeOf);
  return chunks.length > 0 ? chunks : [[]];
}
