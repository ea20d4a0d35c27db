import { describe, expect, test } from 'vitest';
import { commandLineFault, decodeText } from './input.ts';

const refuse = (fault: string): never => {
  throw new Error(fault);
};

describe('bytes', () => {
  test.each(['', 'a', 'größe 订单 👍', '\ufeffa', 'a\ufffdb', 'a\0b'])(
    'that are UTF-8 become their text: %j',
    (text) => {
      expect(decodeText(Buffer.from(text), refuse)).toBe(text);
    },
  );

  test.each([
    ['Latin-1', Buffer.from('abc\u00fcd', 'latin1'), 3],
    ['half of a character at the end', Buffer.from([0x61, 0xe8, 0xae]), 2],
    ['half of a character', Buffer.from([0xe8, 0xae, 0x22]), 2],
    ['a surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80]), 2],
    ['more bytes than needed', Buffer.from([0x2f, 0xc0, 0xaf]), 1],
    ['a code beyond Unicode', Buffer.from([0xf5, 0x80, 0x80, 0x80]), 0],
    ['UTF-16', Buffer.from([0xff, 0xfe, 0x7b, 0x00]), 0],
  ])('with %s are refused at the first byte that is wrong', (...[, bytes, at]) => {
    expect(() => decodeText(bytes, refuse)).toThrow(`is not UTF-8 (byte ${at})`);
  });
});

test('an argument or a variable without U+FFFD needs no look at its bytes', () => {
  expect(commandLineFault(['größe'], { TASKCENTER_URL: '订单', OTHER: '\ufffd' })).toBeNull();
});
