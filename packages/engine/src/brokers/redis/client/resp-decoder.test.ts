import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ErrorReply } from './error-replies.ts';
import { RespDecoder } from './resp-decoder.ts';

/** Everything that is decoded from these chunks, in order. */
function decode(chunks: readonly Buffer[]) {
  const received: unknown[] = [];
  const decoder = new RespDecoder({
    onReply: (reply) => received.push(reply),
    onPush: (push) => received.push({ push }),
  });
  for (const chunk of chunks) decoder.push(chunk);
  return received;
}

const decodeText = (text: string) => decode([Buffer.from(text)]);
const blob = (text: string) => Buffer.from(text);

describe('the RESP decoder', () => {
  test.each([
    ['a blob', '$5\r\nhello\r\n', blob('hello')],
    ['an empty blob', '$0\r\n\r\n', blob('')],
    ['a blob with an end of line in it', '$4\r\na\r\nb\r\n', blob('a\r\nb')],
    ['a null blob', '$-1\r\n', null],
    ['a null array', '*-1\r\n', null],
    ['null', '_\r\n', null],
    ['a text', '+OK\r\n', 'OK'],
    ['a number', ':1234567890\r\n', 1_234_567_890],
    ['a negative number', ':-42\r\n', -42],
    ['a double', ',1.5\r\n', 1.5],
    ['infinity', ',-inf\r\n', -Infinity],
    ['a large number', '(1234567890123456\r\n', 1_234_567_890_123_456],
    ['true', '#t\r\n', true],
    ['false', '#f\r\n', false],
    ['a verbatim text', '=8\r\ntxt:Some\r\n', blob('Some')],
    ['an empty array', '*0\r\n', []],
    ['arrays in arrays', '*3\r\n*1\r\n:1\r\n*0\r\n*2\r\n$1\r\na\r\n_\r\n', [[1], [], [blob('a'), null]]],
    ['a map, flat', '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n', ['a', 1, 'b', [2]]],
    ['a set', '~2\r\n:1\r\n:2\r\n', [1, 2]],
    ['an error', '-ERR no such thing\r\n', new ErrorReply('ERR no such thing')],
    ['an error as a blob', '!9\r\nERR other\r\n', new ErrorReply('ERR other')],
    ['an error in an array', '*1\r\n-ERR one\r\n', [new ErrorReply('ERR one')]],
  ])('decodes %s', (_, text, expected) => {
    expect(decodeText(text)).toEqual([expected]);
  });

  test('delivers pushes apart from replies, also between two of them', () => {
    const text = ':1\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n:2\r\n';
    expect(decodeText(text)).toEqual([1, { push: [blob('invalidate'), [blob('k')]] }, 2]);
  });

  test('throws at an unknown kind of element', () => {
    expect(() => decodeText('?1\r\n')).toThrow('unknown kind "?"');
  });

  const encoded = (value: unknown): string => {
    if (Array.isArray(value)) return `*${value.length}\r\n${value.map(encoded).join('')}`;
    if (typeof value === 'number') return `:${value}\r\n`;
    if (typeof value === 'string') return `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
    return '_\r\n';
  };
  const aValue = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.integer(),
      fc.constant(null),
      fc.string(),
      fc.array(tie('value'), { maxLength: 6 }),
    ),
  })).value;

  test('gives the same replies wherever the bytes are cut', () => {
    const property = fc.property(
      fc.array(aValue, { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (values, lengths) => {
        const all = Buffer.from(values.map(encoded).join(''));
        const chunks: Buffer[] = [];
        for (let start = 0, i = 0; start < all.length; i += 1) {
          const end = start + (lengths[i % lengths.length] ?? 1);
          chunks.push(all.subarray(start, end));
          start = end;
        }
        expect(decode(chunks)).toEqual(decode([all]));
        expect(decode(chunks)).toHaveLength(values.length);
      },
    );
    fc.assert(property);
  });
});
