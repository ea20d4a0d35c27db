import { expect, test } from 'vitest';
import { GrowingBuffer } from './growing-buffer.ts';

const MESSAGE = Buffer.from('a message that arrives in pieces');

test.each([1, 5, MESSAGE.length])('pieces of %i bytes become one', (size) => {
  const buffer = new GrowingBuffer();
  for (let at = 0; at < MESSAGE.length; at += size) buffer.add(MESSAGE.subarray(at, at + size));
  expect(buffer.length).toBe(MESSAGE.length);
  expect(buffer.bytes.toString()).toBe(MESSAGE.toString());
});

test('nothing is written into a piece that was given', () => {
  const given = Buffer.from('abcdef');
  const buffer = new GrowingBuffer();
  buffer.add(given.subarray(0, 2));
  buffer.cutTo(1);
  buffer.add(Buffer.from('xyz'));
  expect([buffer.bytes.toString(), given.toString()]).toEqual(['axyz', 'abcdef']);
});
