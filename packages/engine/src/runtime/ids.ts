import { randomFillSync } from 'node:crypto';

const BYTES = 16;
/** So many IDs' chance is drawn at once. */
const POOLED = 256;
const TEXT_LENGTH = 36;
/** Groups of a UUID's text end before these bytes. */
const DASHED = new Set([4, 6, 8, 10]);
const DASH = 45;

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
 * A UUID v4 in lower case. As `crypto.randomUUID`, whose text is a tree of thirty pieces: whoever writes it out has to put
 * them together first, and an engine makes one per task.
 */
export function newUuid(): string {
  if (next === POOLED) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next * BYTES;
  next += 1;
  for (let i = 0; i < BYTES; i += 1) {
    let byte = pool[start + i] as number;
    // Version and variant (RFC 9562, 5.4).
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    else if (i === 8) byte = (byte & 0x3f) | 0x80;
    const place = PLACES[i] as number;
    text[place] = HEX[byte >> 4] as number;
    text[place + 1] = HEX[byte & 15] as number;
  }
  return text.toString('latin1');
}
