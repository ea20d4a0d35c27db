import { describe, expect, test } from 'vitest';
import {
  decodeLines,
  decodeProgress,
  encodeLine,
  encodeProgress,
  MAX_KEPT_LINES,
  newestLines,
} from './task-notes.ts';

const line = { atMs: 1, level: 'info', message: 'm', attempt: 2, fields: {} } as const;

describe('log lines that are kept', () => {
  test('come back as they were, in one line of text each', () => {
    const given = { ...line, message: 'a\nb', fields: { rows: [1, { n: null }] } };
    const text = encodeLine(given);
    expect(text).not.toContain('\n');
    expect(decodeLines([text, 'damaged'])).toEqual([given]);
  });

  test('have no passwords of URLs, neither in their text nor in their fields', () => {
    const url = 'redis://user:secret@host/1';
    const text = encodeLine({ ...line, message: `lost ${url}`, fields: { url, err: new Error(url) } });
    expect(text).not.toContain('secret');
    expect(text).toContain('user:***@host');
  });

  test.each([
    ['a cycle', () => Object.assign({}, { self: globalThis }), /left_out/],
    ['a BigInt', () => ({ n: 1n }), /"1"/],
    ['much', () => ({ list: Array.from({ length: 9_000 }, () => 1) }), /left_out/],
    [
      'a getter that throws',
      () => Object.defineProperty({}, 'a', { enumerable: true, get: () => JSON.parse('') as never }),
      /left_out/,
    ],
  ])('are kept with fields that have %s', (_, fields, shown) => {
    expect(encodeLine({ ...line, fields: fields() })).toMatch(shown);
  });

  test('are the newest ones', () => {
    const lines = Array.from({ length: MAX_KEPT_LINES + 5 }, (_, n) => `${n}`);
    expect(newestLines(lines)).toEqual({ lines: lines.slice(5), skipped: 5 });
    expect(newestLines(['x'.repeat(300_000), 'y'.repeat(200_000), 'z'])).toMatchObject({ skipped: 1 });
  });
});

test('progress comes back as it was, and a damaged one is none', () => {
  const progress = { percent: 12.5, message: null, atMs: 7 };
  expect(decodeProgress(encodeProgress(progress))).toEqual(progress);
  expect(decodeProgress('{')).toBeNull();
  expect(decodeProgress(null)).toBeNull();
});
