import { expect, test } from 'vitest';
import { cut, oneLine, painter, pairs, plain, table } from './output.ts';

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

test.each([
  ['Chinese', '订单'],
  ['full-width forms', 'ＡＢ'],
  ['Hangul in parts', '\u1112\u1161\u11ab\u1100\u116e'],
  ['combining accents', 'e\u0301a\u0308xx'],
  ['emoji of several parts', '👩‍👩‍👧🇨🇳'],
  ['an emoji with a selector', '❤️✔️'],
  ['a new emoji', '🫠🫡'],
])('columns line up with %s', (_, name) => {
  const rows = [
    { name, count: 1 },
    { name: 'four', count: 22 },
  ];
  const [, first = '', second = ''] = table(columns, rows, painter(false)).split('\n');
  expect(second).toBe('four     22');
  // Each of these names takes four cells.
  expect(first.slice(name.length)).toBe('      1');
  expect(
    pairs([
      [name, 'x'],
      ['four', 'y'],
    ]).split('\n')[0],
  ).toBe(`  ${name}  x`);
});

test('a text is cut between characters, by its width', () => {
  expect(cut('abcdef', 6)).toBe('abcdef');
  expect(cut('abcdef', 5)).toBe('abcde…');
  expect(cut('订单订单', 5)).toBe('订单…');
  expect(cut('ab👩‍👩‍👧c', 3)).toBe('ab…');
  expect(cut('xe\u0301y', 2)).toBe('xe\u0301…');
  expect(cut(`a${'\u0301'.repeat(100_000)}`, 10).length).toBeLessThan(100);
  expect(cut('😀'.repeat(10_000), 3)).toBe('😀…');
});

test('invisible characters are shown, except in emoji and in scripts that need them', () => {
  expect(plain('or\u200bders\ufeff\u00ad\u2060\u3164')).toBe('or\\u200bders\\ufeff\\u00ad\\u2060\\u3164');
  expect(plain('a\u200eb\u061cc\u200dd\u200c')).toBe('a\\u200eb\\u061cc\\u200dd\\u200c');
  expect(plain('\u{e0001}')).toBe('\\udb40\\udc01');
  for (const text of ['👩‍👧', '❤️', '1️⃣', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', 'می‌خواهم', 'क्‍ष', '葛󠄀']) expect(plain(text)).toBe(text);
});

test('JSON means the same when it is made harmless', () => {
  const value = { id: 'a\u009b2J\u202e\u{e0001}', tab: '\t' };
  const text = plain(JSON.stringify(value));
  expect(text).not.toMatch(/[\u0080-\u009f\u202e]/);
  expect(JSON.parse(text)).toEqual(value);
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
