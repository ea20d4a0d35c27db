import { randomFillSync } from 'node:crypto';
import { systemClock } from './clock.ts';

// Every enqueued task needs an ID, so this is a hot path: digits are written into one buffer, which is read as text.

const UUID_BYTES = 16;
/** Random bytes are drawn for this number of IDs at once. */
const POOL_SIZE = 256;
const TEXT_LENGTH = 36;
/** In the text a dash comes before these bytes. */
const DASH_BEFORE_BYTE = new Set([4, 6, 8, 10]);
const DASH = 45;
/** A version 7 UUID begins with the time, ms since 1970, in this number of bytes. */
const TIME_BYTES = 6;

const pool = Buffer.alloc(UUID_BYTES * POOL_SIZE);
const text = Buffer.alloc(TEXT_LENGTH);
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Index in the text of each byte's first digit. */
const TEXT_INDEXES = Uint8Array.from(
  { length: UUID_BYTES },
  (_, i) => 2 * i + [...DASH_BEFORE_BYTE].filter((byte) => byte <= i).length,
);
for (const byte of DASH_BEFORE_BYTE) text[(TEXT_INDEXES[byte] as number) - 1] = DASH;

/** Index of the next ID in the pool. */
let next = POOL_SIZE;

/**
 * A new UUID of version 7 (RFC 9562, section 5.7), in lower case. IDs that are created one after the other are neighbours
 * in an index. A database with a million tasks then touches only a few pages for the tasks that come and go.
 */
export function newUuid(): string {
  if (next === POOL_SIZE) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next * UUID_BYTES;
  next += 1;
  pool.writeUIntBE(systemClock.wallMs(), start, TIME_BYTES);
  // Version and variant.
  pool[start + 6] = ((pool[start + 6] as number) & 0x0f) | 0x70;
  pool[start + 8] = ((pool[start + 8] as number) & 0x3f) | 0x80;
  for (let i = 0; i < UUID_BYTES; i += 1) {
    const byte = pool[start + i] as number;
    const index = TEXT_INDEXES[i] as number;
    text[index] = HEX[byte >> 4] as number;
    text[index + 1] = HEX[byte & 15] as number;
  }
  return text.toString('latin1');
}
