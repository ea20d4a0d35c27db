const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
  '"': 34,
};
const QUOTED =
  /^"((?:[^"\\\n]|\\(?:[abfnrtv\\"]|x[\dA-Fa-f]{2}|u[\dA-Fa-f]{4}|U[\dA-Fa-f]{8}|[0-7]{3}))*)"$/u;
const PIECE = /\\(?:x(..)|u(....)|U(.{8})|([0-7]{3})|(.))|[^\\]+/gu;

/** The bytes of one piece, an escape or plain text; null if Go refuses it. */
function bytesOf([plain, byte, short, long, octal, letter]: RegExpMatchArray): Uint8Array | null {
  if (letter !== undefined) return ESCAPES[letter] === undefined ? null : Uint8Array.of(ESCAPES[letter]);
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  if (octal !== undefined) {
    const value = Number.parseInt(octal, 8);
    return value > 255 ? null : Uint8Array.of(value);
  }
  const hex = short ?? long;
  if (hex === undefined) return Buffer.from(plain);
  const code = Number.parseInt(hex, 16);
  if (code > 0x10_ff_ff || (code >= 0xd8_00 && code < 0xe0_00)) return null;
  return Buffer.from(String.fromCodePoint(code));
}

/**
 * Reverses Go's `strconv.Quote`, as `strconv.Unquote` does for double quotes. Null for other texts. Escapes such as `\xc3` are
 * single bytes, so the pieces are joined as bytes.
 */
export function goUnquoted(text: string): string | null {
  const content = QUOTED.exec(text)?.[0].slice(1, -1);
  if (content === undefined) return null;
  const pieces: Uint8Array[] = [];
  for (const piece of content.matchAll(PIECE)) {
    const bytes = bytesOf(piece);
    if (bytes === null) return null;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString();
}
