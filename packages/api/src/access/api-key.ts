// The text form of API keys: `tc_<env>_<id>_<secret><check>`. The check finds typing errors, and files that hold something
// else, without asking anybody.

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CHECK_LENGTH = 6;
const KEY_FORM = /^tc_([a-z0-9]{1,12})_([0-9a-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

/** An API key, split into its fields. */
export interface ApiKey {
  readonly env: string;
  /** Public: the ID of the key's record. */
  readonly id: string;
  readonly secret: string;
}

// Browsers have no CRC-32, nor has every release of Node 20.
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32 of a text in ASCII, the same as zlib's. */
function crc32(text: string): number {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i += 1)
    crc = ((CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff] ?? 0) ^ (crc >>> 8)) >>> 0;
  return (crc ^ 0xffffffff) >>> 0;
}

/** The check of a key's text: its CRC-32 in 6 base62 digits. */
function checkOf(text: string): string {
  let left = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECK_LENGTH; i += 1) {
    digits = (DIGITS[left % 62] ?? '') + digits;
    left = Math.floor(left / 62);
  }
  return digits;
}

/** The key's text, as its owner receives it. */
export function formatApiKey({ env, id, secret }: ApiKey): string {
  const text = `tc_${env}_${id}_${secret}`;
  return text + checkOf(text);
}

/** Parses a key's text; null = it is not a key, or it is mistyped. */
export function parseApiKey(text: string): ApiKey | null {
  const [, env, id, secret, check] = KEY_FORM.exec(text) ?? [];
  if (env === undefined || id === undefined || secret === undefined) return null;
  return checkOf(text.slice(0, -CHECK_LENGTH)) === check ? { env, id, secret } : null;
}
