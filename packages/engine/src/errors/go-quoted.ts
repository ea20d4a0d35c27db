/** Characters with an escape of their own in Go. */
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
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
/** What Go prints as it is: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function quoteChar(char: string): string {
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) return short;
  if (PRINTABLE.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  const hex = (digits: number) => code.toString(16).padStart(digits, '0');
  if (code < 0x80) return `\\x${hex(2)}`;
  return code < 0x1_00_00 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

/**
 * A text in quotes, as Go prints it with `%q`. Errors that Asynq stores contain it, and ours must read the same:
 * docs/design/protocol.md#errors.
 */
export function goQuoted(text: string): string {
  return `"${Array.from(text.toWellFormed(), quoteChar).join('')}"`;
}
