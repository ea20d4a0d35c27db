import { createHash } from 'node:crypto';
import { uniqueKeyPrefix } from './keys.ts';

/** What makes two tasks the same for a unique lock. */
export interface UniqueTask {
  readonly queue: string;
  readonly type: string;
  /** Null = no payload; its key differs from that of an empty payload. */
  readonly payload: Uint8Array | null;
  /** Each business has locks of its own. */
  readonly business?: string | null;
}

/**
 * The lock's key, as Asynq makes it. The client computes it when it enqueues, and stores it in the message: a stored message
 * does not distinguish an empty payload from none.
 */
export function uniqueKey({ queue, type, payload, business = null }: UniqueTask): string {
  const suffix = payload === null ? '' : createHash('md5').update(payload).digest('hex');
  // Go's keys end with a colon or a digit of the hash, so none equals a key that ends with a dot.
  const owner = business === null ? '' : `:${business}.`;
  return `${uniqueKeyPrefix(queue)}${type}:${suffix}${owner}`;
}
