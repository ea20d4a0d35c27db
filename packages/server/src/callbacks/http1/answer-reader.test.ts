import { describe, expect, test } from 'vitest';
import { AnswerReader } from './answer-reader.ts';

/** An answer that arrives in pieces of `size` bytes, and what was read of it. */
function read(text: string, size: number) {
  const reader = new AnswerReader();
  const bytes = Buffer.from(text, 'latin1');
  let isOver = false;
  for (let at = 0; at < bytes.length; at += size) isOver = reader.add(bytes.subarray(at, at + size));
  const answer = reader.answer();
  const body = answer && Buffer.from(answer.bytes).toString('latin1');
  return { ...answer, bytes: body, fault: reader.fault, isOver, keepMs: reader.keepMs(4_000, 30_000) };
}

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

describe('an answer', () => {
  test.each([
    ['with a length', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello'],
    ['in chunks', `${CHUNKED}3;a="b"\r\nhel\r\n002\r\nlo\r\n0\r\ntrailer: x\r\n\r\n`],
    [
      'in chunks whose sizes have zeros in front',
      `${CHUNKED}${'0'.repeat(30)}5\r\nhello\r\n${'0'.repeat(30)}\r\n\r\n`,
    ],
    ['in chunks, with bare line feeds', 'HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n5\nhello\n0\n\n'],
    [
      'after interim answers',
      'HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello',
    ],
  ])('%s is the same in pieces of any size', (_, text) => {
    for (const size of [1, 2, 3, 7, 1_000])
      expect(read(text, size)).toMatchObject({
        status: 200,
        bytes: 'hello',
        cut: null,
        fault: null,
        isOver: true,
        keepMs: 4_000,
      });
  });

  test.each([204, 304])('%i has no body, whatever its headers say', (status) => {
    const answer = read(`HTTP/1.1 ${status} X\r\ncontent-length: 9\r\n\r\n`, 1_000);
    expect(answer).toMatchObject({ status, size: 0, isOver: true, keepMs: 4_000 });
  });

  test('has its headers by lower-case name: repeated, continued, empty and with blanks', () => {
    const head = 'A: 1\r\na: 2\r\nB : x\r\n  y\r\nc:\r\n__proto__: z\r\ncontent-length: 0\r\n\r\n';
    const { headers } = read(`HTTP/1.1 200 OK\r\n${head}`, 1);
    expect(Object.entries(headers ?? {})).toEqual([
      ['a', '1, 2'],
      ['b', 'x y'],
      ['c', ''],
      ['__proto__', 'z'],
      ['content-length', '0'],
    ]);
  });

  test('has headers in UTF-8, or else byte by byte', () => {
    const answerWith = (value: string) =>
      read(`HTTP/1.1 200 OK\r\nx: ${value}\r\ncontent-length: 0\r\n\r\n`, 1_000).headers?.['x'];
    expect(answerWith(Buffer.from('订单').toString('latin1'))).toBe('订单');
    expect(answerWith('\xe9')).toBe('é');
  });

  test.each([
    ['bytes follow it', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 500'],
    [
      'length and chunks contradict each other',
      'HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['its version is 1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    ['it was cut', `${CHUNKED}zz\r\n`],
  ])('does not keep its connection if %s', (_, text) => {
    expect(read(text, 1_000)).toMatchObject({ status: 200, isOver: true, keepMs: 0 });
  });

  test.each([
    ['a body coded otherwise', 'transfer-encoding: gzip', true],
    ['a body that is chunked at last', 'transfer-encoding: gzip, chunked', false],
    ['the same length twice', 'content-length: 2\r\ncontent-length: 2', false],
  ])('with %s ends where it should', (_, header, isOpen) => {
    const reader = new AnswerReader();
    reader.add(Buffer.from(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`));
    reader.add(Buffer.from(header.includes('chunked') ? '2\r\nok\r\n0\r\n\r\n' : 'ok'));
    reader.stop('the connection was closed', true);
    const { cut, size } = reader.answer() ?? {};
    expect({ cut, size }).toEqual({ cut: null, size: 2 });
    expect(reader.keepMs(4_000, 30_000)).toBe(isOpen ? 0 : 4_000);
  });

  test('takes little memory, though it comes in chunks of one byte', () => {
    const reader = new AnswerReader();
    reader.add(Buffer.from(CHUNKED));
    for (let i = 0; i < 200_000; i += 100) reader.add(Buffer.from('1\r\nx\r\n'.repeat(100)));
    expect(reader.answer()?.size).toBe(200_000);
    expect(reader.answer()?.bytes.buffer.byteLength).toBeLessThan(600_000);
  });

  test('whose headers come byte by byte takes little time', () => {
    const reader = new AnswerReader();
    reader.add(Buffer.from('HTTP/1.1 200 OK\r\nx: '));
    const one = Buffer.from('y');
    let isOver = false;
    for (let i = 0; i < 65_536 && !isOver; i += 1) isOver = reader.add(one);
    expect(reader.answer()).toMatchObject({
      status: 200,
      cut: 'the answer was cut in its headers, after 65536 bytes: no more is read (limit 65536 bytes)',
    });
  });

  test('that ends with trailers without an end is cut', () => {
    const reader = new AnswerReader();
    let isOver = reader.add(Buffer.from(`${CHUNKED}2\r\nok\r\n0\r\n`));
    for (let i = 0; i < 100_000 && !isOver; i += 1) isOver = reader.add(Buffer.from('trailer: value\r\n'));
    expect(reader.answer()).toMatchObject({
      size: 2,
      cut: expect.stringMatching(/its trailers are over/) as string,
    });
  });
});
