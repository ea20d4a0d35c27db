import { createHash } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const BYTES = 16;

/** Base32 in lower case without padding (RFC 4648). */
function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}

/**
 * The ID that a receiver sees as `webhook-id`. It is the same for every attempt of a task: receivers use it to ignore
 * repeated deliveries.
 *
 * @param queue the logical queue.
 * @param id the plain ID.
 * @param createdMs time of submission, wall-clock ms; 0 = unknown.
 */
export function deliveryId(queue: string, id: string, createdMs: number): string {
  const digest = createHash('sha256').update(`${queue}\0${id}\0${createdMs}`).digest();
  return `dlv_${base32(digest.subarray(0, BYTES))}`;
}
