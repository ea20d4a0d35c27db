import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RespEncoder } from './resp-encoder.ts';
import type { RedisArg } from './script.ts';

/** The same by the book. */
function plainly(args: readonly RedisArg[]): Buffer {
  const parts = args.flatMap((arg) => {
    const bytes = Buffer.from(arg as Buffer);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')];
  });
  return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const anArg = fc.oneof(fc.string({ unit: 'binary', maxLength: 120 }), fc.string(), bytes);
const commands = fc.array(fc.array(anArg, { minLength: 1, maxLength: 120 }), { maxLength: 8 });

describe('commands as bytes', () => {
  test('are as the protocol has them, whatever their arguments', () => {
    fc.assert(
      fc.property(commands, (all) => {
        const written = new RespEncoder();
        for (const args of all) written.add(args);
        expect(written.view()).toEqual(Buffer.concat(all.map(plainly)));
      }),
    );
  });

  test('outgrow the buffer, and begin anew', () => {
    const written = new RespEncoder();
    const large = Buffer.alloc(3_000_000, 1);
    written.add(['SET', 'k', large]);
    expect(written.view().equals(plainly(['SET', 'k', large]))).toBe(true);
    written.taken(false);
    written.add(['GET', 'k']);
    expect(written.view()).toEqual(plainly(['GET', 'k']));
  });

  test.each([[undefined], [null], [7], [{}]])(
    '%s is no argument, and nothing of its command stays',
    (bad) => {
      const written = new RespEncoder();
      written.add(['GET', 'a']);
      expect(() => written.add(['SET', 'k', bad as string])).toThrow();
      written.add(['GET', 'b']);
      expect(written.view()).toEqual(Buffer.concat([plainly(['GET', 'a']), plainly(['GET', 'b'])]));
    },
  );

  test('leave alone what somebody still reads', () => {
    const written = new RespEncoder();
    written.add(['GET', 'a']);
    const view = written.view();
    written.taken(true);
    written.add(['GET', 'b']);
    expect(view).toEqual(plainly(['GET', 'a']));
  });
});
