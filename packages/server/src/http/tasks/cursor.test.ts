import { randomBytes } from 'node:crypto';
import { assert, constantFrom, option, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { readCursor, writeCursor, type CursorContext } from './cursor.ts';

const context: CursorContext = {
  key: randomBytes(32),
  scope: ['key', 'orders', 'pending', ''],
  nowMs: 1_000,
};
const HOUR_MS = 3_600_000;
const malformed = expect.objectContaining({ code: 'malformed', extra: { parameter: 'cursor' } });

test('a cursor is read as it was written', () => {
  assert(
    property(constantFrom(0, 1), option(string({ unit: 'binary' })), (kindIndex, cursor) => {
      const text = writeCursor({ kindIndex, cursor }, context);
      expect(text).toMatch(/^[\w-]+$/);
      expect(readCursor(text, context)).toEqual({ kindIndex, cursor });
    }),
  );
});

test('a cursor is valid for an hour', () => {
  const text = writeCursor({ kindIndex: 0, cursor: 'x' }, context);
  expect(readCursor(text, { ...context, nowMs: context.nowMs + HOUR_MS })).toBeTruthy();
  expect(() => readCursor(text, { ...context, nowMs: context.nowMs + HOUR_MS + 1 })).toThrow(malformed);
});

test('a cursor is valid for its list, caller and broker only', () => {
  const text = writeCursor({ kindIndex: 0, cursor: 'x' }, context);
  const others: Partial<CursorContext>[] = [
    { key: randomBytes(32) },
    { scope: ['other', 'orders', 'pending', ''] },
    { scope: ['key', 'orders', 'pending', 'callback'] },
    { scope: ['key', 'orders', 'pending'] },
  ];
  for (const other of others) expect(() => readCursor(text, { ...context, ...other })).toThrow(malformed);
});

test('two cursors of the same position differ, and their lengths do not show what is in them', () => {
  const lengthOf = (cursor: string | null) => writeCursor({ kindIndex: 0, cursor }, context).length;
  expect(writeCursor({ kindIndex: 0, cursor: 'x' }, context)).not.toBe(
    writeCursor({ kindIndex: 0, cursor: 'x' }, context),
  );
  expect(new Set([null, '', 'x', 'x'.repeat(35)].map(lengthOf)).size).toBe(1);
});

test('no change of any character passes', () => {
  const text = writeCursor({ kindIndex: 0, cursor: 'x' }, context);
  for (let at = 0; at < text.length; at += 1)
    for (const other of ['A', 'b', '_'])
      if (text[at] !== other)
        expect(() => readCursor(text.slice(0, at) + other + text.slice(at + 1), context)).toThrow(malformed);
  for (const other of ['', `${text}A`, text.slice(0, -4), `${text}=`, ` ${text}`])
    expect(() => readCursor(other, context)).toThrow(malformed);
});
