import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RespEncoder } from './resp-encoder.ts';
import type { RedisArg } from './script.ts';

/** The same command in the simplest way. */
function encodeSimply(args: readonly RedisArg[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = Buffer.from(arg as Buffer);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const anArg = fc.oneof(fc.string({ unit: 'binary', maxLength: 120 }), fc.string(), bytes);
const commands = fc.array(fc.array(anArg, { minLength: 1, maxLength: 120 }), { maxLength: 8 });

describe('the RESP encoder', () => {
  test('encodes any arguments as the protocol says', () => {
    fc.assert(
      fc.property(commands, (list) => {
        const encoder = new RespEncoder();
        for (const args of list) encoder.add(args);
        expect(encoder.view()).toEqual(Buffer.concat(list.map(encodeSimply)));
      }),
    );
  });

  test('grows its buffer for a large command, and starts over after it', () => {
    const encoder = new RespEncoder();
    const large = Buffer.alloc(3_000_000, 1);
    encoder.add(['SET', 'k', large]);
    expect(encoder.view().equals(encodeSimply(['SET', 'k', large]))).toBe(true);
    encoder.reset(false);
    encoder.add(['GET', 'k']);
    expect(encoder.view()).toEqual(encodeSimply(['GET', 'k']));
  });

  test.each([[undefined], [null], [7], [{}]])(
    'refuses %s as an argument and keeps nothing of its command',
    (bad) => {
      const encoder = new RespEncoder();
      encoder.add(['GET', 'a']);
      expect(() => encoder.add(['SET', 'k', bad as string])).toThrow();
      encoder.add(['GET', 'b']);
      expect(encoder.view()).toEqual(Buffer.concat([encodeSimply(['GET', 'a']), encodeSimply(['GET', 'b'])]));
    },
  );

  test('does not overwrite a view that somebody still reads', () => {
    const encoder = new RespEncoder();
    encoder.add(['GET', 'a']);
    const view = encoder.view();
    encoder.reset(true);
    encoder.add(['GET', 'b']);
    expect(view).toEqual(encodeSimply(['GET', 'a']));
  });
});
