import { randomFillSync } from 'node:crypto';
import { systemClock } from './clock.ts';

const BYTES = 16;
/** So many IDs' chance is drawn at once. */
const POOLED = 256;
const TEXT_LENGTH = 36;
/** Groups of a UUID's text end before these bytes. */
const DASHED = new Set([4, 6, 8, 10]);
const DASH = 45;
/** A UUID begins with the time, ms since 1970, in so many bytes. */
const TIME_BYTES = 6;

const pool = Buffer.alloc(BYTES * POOLED);
const text = Buffer.alloc(TEXT_LENGTH);
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Where in the text the first digit of each byte stands. */
const PLACES = Uint8Array.from(
  { length: BYTES },
  (_, i) => 2 * i + [...DASHED].filter((at) => at <= i).length,
);
for (const byte of DASHED) text[(PLACES[byte] as number) - 1] = DASH;

let next = POOLED;

/**
 * A UUID v7 (RFC 9562, 5.7) in lower case: IDs made one after the other stand side by side in an index, so that a store
 * with a million tasks has to touch only a few pages for those that come and go.
 */
export function newUuid(): string {
  if (next === POOLED) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next * BYTES;
  next += 1;
  pool.writeUIntBE(systemClock.wallMs(), start, TIME_BYTES);
  // Version and variant.
  pool[start + 6] = ((pool[start + 6] as number) & 0x0f) | 0x70;
  pool[start + 8] = ((pool[start + 8] as number) & 0x3f) | 0x80;
  for (let i = 0; i < BYTES; i += 1) {
    const byte = pool[start + i] as number;
    const place = PLACES[i] as number;
    text[place] = HEX[byte >> 4] as number;
    text[place + 1] = HEX[byte & 15] as number;
  }
  return text.toString('latin1');
}
