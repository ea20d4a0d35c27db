import { createHash, randomInt } from 'node:crypto';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 43;
const CHECK_LENGTH = 6;
const FORM = /^tc_([a-z0-9]{1,12})_([0-9a-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** An API key in its parts (api section 7). */
export interface ApiKey {
  readonly env: string;
  /** Public; names the key's record. */
  readonly id: string;
  readonly secret: string;
}

// Node 20 has no zlib.crc32 in all its releases.
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32 as zlib has it. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) crc = ((TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)) >>> 0;
  return (crc ^ 0xffffffff) >>> 0;
}

function checkOf(text: string): string {
  let left = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECK_LENGTH; i += 1) {
    digits = (DIGITS[left % 62] ?? '') + digits;
    left = Math.floor(left / 62);
  }
  return digits;
}

const drawn = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A new key. */
export function newApiKey(env: string): ApiKey {
  return { env, id: drawn(ID_DIGITS, ID_LENGTH), secret: drawn(DIGITS, SECRET_LENGTH) };
}

/** The key as its owner is given it: `tc_<env>_<id>_<secret><check>`. */
export function formatApiKey({ env, id, secret }: ApiKey): string {
  const text = `tc_${env}_${id}_${secret}`;
  return text + checkOf(text);
}

/** The parts of a key's text; null = it is none, or mistyped. */
export function parseApiKey(text: string): ApiKey | null {
  const [, env, id, secret, check] = FORM.exec(text) ?? [];
  if (env === undefined || id === undefined || secret === undefined) return null;
  return checkOf(text.slice(0, -CHECK_LENGTH)) === check ? { env, id, secret } : null;
}

/** What is stored of a secret: its SHA-256 in hex. 256 random bits need no salt. */
export const secretHash = (secret: string): string => createHash('sha256').update(secret).digest('hex');
