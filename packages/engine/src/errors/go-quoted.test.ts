import { expect, test } from 'vitest';
import { goQuoted } from './go-quoted.ts';

// Expected values are those of strconv.Quote in Go 1.24.
test.each([
  ['email:welcome', '"email:welcome"'],
  ['a "b" \\', String.raw`"a \"b\" \\"`],
  ['\u0007\b\f\n\r\t\v', String.raw`"\a\b\f\n\r\t\v"`],
  ['\u0000\u001b\u007f', String.raw`"\x00\x1b\x7f"`],
  ['über 🚚', '"über 🚚"'],
  ['\u00a0\u200b', String.raw`"\u00a0\u200b"`],
  ['\u{e0001}', String.raw`"\U000e0001"`],
])('%j is quoted as in Go', (text, quoted) => {
  expect(goQuoted(text)).toBe(quoted);
});
