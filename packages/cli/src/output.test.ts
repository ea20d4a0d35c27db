import { expect, test } from 'vitest';
import { oneLine, painter, pairs, plain, table } from './output.ts';

const columns = [
  { title: 'name', text: (row: { name: string; count: number }) => row.name },
  { title: 'count', right: true, text: (row: { name: string; count: number }) => String(row.count) },
];

test('columns are as wide as their longest cells, and numbers are aligned to the right', () => {
  const rows = [
    { name: 'default', count: 12 },
    { name: 'low', count: 123_456 },
  ];
  expect(table(columns, rows, painter(false))).toBe('name      count\ndefault      12\nlow      123456');
});

test('colours are left out where they are off', () => {
  expect(painter(false)('bold', 'x')).toBe('x');
  expect(painter(true)('bold', 'x')).toBe('\u001b[1mx\u001b[22m');
});

test('control characters cannot control a terminal', () => {
  expect(plain('a\u001b[2Jb\tc\nd')).toBe('a\\u001b[2Jb\tc\nd');
  expect(oneLine('a\u001b]0;x\u0007\nb\u202e')).toBe('a\\u001b]0;x\\u0007 b\\u202e');
  expect(table(columns, [{ name: 'a\nb\u009b', count: 1 }], painter(false))).toContain('a b\\u009b');
});

test('pairs without a value are left out', () => {
  expect(
    pairs([
      ['a', '1'],
      ['long', null],
      ['bc', '2'],
    ]),
  ).toBe('  a   1\n  bc  2');
});
