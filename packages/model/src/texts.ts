// What names, IDs and errors have in common as texts.

/** Control and direction characters, which break logs and terminals, as the inside of a class of a regular expression. */
export const CONTROL_CHARACTERS =
  '\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069';

/** Whether a well-formed text has at most `maxBytes` bytes in UTF-8. IDs are checked at each submission: it is fast. */
export function fitsBytes(text: string, maxBytes: number): boolean {
  // A code unit takes one to three bytes; a surrogate pair takes four.
  if (text.length * 3 <= maxBytes) return true;
  if (text.length > maxBytes) return false;
  let bytes = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800 || (unit >= 0xd800 && unit < 0xe000)) bytes += 2;
    else bytes += 3;
  }
  return bytes <= maxBytes;
}
