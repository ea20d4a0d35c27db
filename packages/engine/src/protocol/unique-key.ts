import { createHash } from 'node:crypto';
import { uniqueKeyPrefix } from './keys.ts';

/** What a unique lock is about. */
export interface UniqueTask {
  readonly queue: string;
  readonly type: string;
  /** Null = no payload was given: another key than that of an empty one (protocol 1.5). */
  readonly payload: Uint8Array | null;
  /** Businesses do not see each other's locks (design D12). */
  readonly business?: string | null;
}

/** The lock's key; computed once, by whoever enqueues, as a payload that was stored cannot be told from none. */
export function uniqueKey({ queue, type, payload, business = null }: UniqueTask): string {
  const suffix = payload === null ? '' : createHash('md5').update(payload).digest('hex');
  // Every key of Go ends with a colon or a digit of the hash, so none is equal to one that ends with a point.
  const owner = business === null ? '' : `:${business}.`;
  return `${uniqueKeyPrefix(queue)}${type}:${suffix}${owner}`;
}
