import { expect, test } from 'vitest';
import { stackOf, withoutStack } from './stack.ts';

test('a stack names where the error and its causes were thrown', () => {
  const root = new TypeError('root');
  const stack = stackOf(new Error('outer', { cause: new Error('middle', { cause: root }) }));
  expect(stack).toMatch(
    /^Error: outer\n {4}at .*stack\.test\.ts[^]*\nCaused by: Error: middle\n {4}at [^]*\nCaused by: TypeError: root\n {4}at /,
  );
});

test('a stack has at most 4 KiB, whole characters, and leaves room for the causes of a long message', () => {
  const long = stackOf(new Error('ä😀'.repeat(20_000), { cause: new Error('root') })) ?? '';
  expect(long).toContain('Caused by: Error: root');
  let deep = new Error('0');
  for (let i = 1; i < 20; i += 1) deep = new Error('ä'.repeat(600), { cause: deep });
  const cut = stackOf(deep) ?? '';
  expect(Buffer.byteLength(cut)).toBeGreaterThan(4_000);
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(4_096);
  expect(cut.isWellFormed() && !cut.includes('\ufffd')).toBe(true);
});

test('a circle of causes ends, and a cause may be any value', () => {
  const circle = new Error('circle');
  circle.cause = circle;
  expect(stackOf(circle)?.match(/Caused by: /g)?.length).toBeLessThan(10);
  expect(stackOf(new Error('x', { cause: { code: 7 } }))).toMatch(/\nCaused by: \{"code":7\}$/);
  expect(stackOf(new Error('x', { cause: 7n }))).toMatch(/^Error: x\n {4}at /);
});

test('what names no place in a program has no stack', () => {
  const odd = Object.defineProperty(new Error('odd'), 'stack', {
    get() {
      throw new Error('unreadable');
    },
  });
  const values = ['text', null, undefined, 5, {}, withoutStack(new Error('ours')), odd, new Proxy({}, {})];
  expect(values.map((value) => stackOf(value))).toEqual(values.map(() => undefined));
});
