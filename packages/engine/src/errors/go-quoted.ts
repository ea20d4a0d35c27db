const SHORT: Readonly<Record<string, string>> = {
  '"': String.raw`\"`,
  '\\': String.raw`\\`,
  '\u0007': String.raw`\a`,
  '\b': String.raw`\b`,
  '\f': String.raw`\f`,
  '\n': String.raw`\n`,
  '\r': String.raw`\r`,
  '\t': String.raw`\t`,
  '\v': String.raw`\v`,
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function quoted(letter: string): string {
  const short = SHORT[letter];
  if (short !== undefined) return short;
  if (PRINTABLE.test(letter)) return letter;
  const code = letter.codePointAt(0) ?? 0;
  const hex = (digits: number) => code.toString(16).padStart(digits, '0');
  if (code < 0x80) return `\\x${hex(2)}`;
  return code < 0x1_00_00 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

/** A text in quotes as Go prints it (`%q`), so that both sides store the same error (protocol 2.8). */
export function goQuoted(text: string): string {
  return `"${Array.from(text.toWellFormed(), quoted).join('')}"`;
}
