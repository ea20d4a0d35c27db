import { expect, test } from 'vitest';
import { painter, table } from '../output.ts';
import { chart, columnsOf, spanOf } from './metrics-text.ts';

const minute = (n: number) => new Date(Date.UTC(2026, 10, 24, 8, n)).toISOString();
const spans = (p95: number) => ({ p50: 1, p95, p99: p95, buckets: [] });
type Row = Parameters<typeof columnsOf>[1][number];
const row = (labels: Row['labels'], points: Row['points'], gaps: Row['gaps'] = []): Row => ({
  labels,
  points,
  gaps,
});
const shown = (metric: string, rows: readonly Row[]) =>
  table(columnsOf(metric, rows, spanOf(rows, '1m')), rows, painter(false)).split('\n');

test('a chart has a bar for each step, and a blank where nothing is', () => {
  const points: Row['points'] = [
    [minute(0), 8],
    [minute(2), 1],
    [minute(3), 4],
  ];
  expect(chart({ points }, spanOf([row({}, points)], '1m')!)).toBe('█ ▁▄');
});

test('a long time has several steps in a cell, and shows the largest', () => {
  const points: Row['points'] = Array.from({ length: 120 }, (_, i) => [minute(i), i % 2 === 0 ? 1 : 8]);
  expect(chart({ points }, spanOf([row({}, points)], '1m')!)).toBe('█'.repeat(60));
});

test('what is counted has a sum with what is in gaps, and a series without a name is other', () => {
  const rows = [
    row({ type: 'mail' }, [
      [minute(0), 2],
      [minute(1), 4],
    ]),
    row({ type: null }, [], [{ from: minute(0), to: minute(5), value: 7 }]),
  ];
  expect(shown('failed', rows)).toEqual([
    'type   sum  last  largest',
    'mail     6     4        4  ▄█',
    'other    7     0        0      1 times nobody sampled',
  ]);
});

test('samples have no sum, lengths of time have percentiles, callbacks their class', () => {
  expect(shown('pending', [row({ queue: 'a' }, [[minute(0), 3]])])).toEqual([
    'queue  last  largest',
    'a         3        3  █',
  ]);
  expect(
    shown('run_ms', [
      row({ queue: 'a' }, [
        [minute(0), spans(30)],
        [minute(1), spans(15)],
      ]),
    ]),
  ).toEqual([
    'queue  last p50  last p95  last p99  largest',
    'a             1        15        15       30  █▄',
  ]);
  expect(shown('callbacks', [row({ host: 'h', class: '5xx' }, [[minute(0), 1]])])[1]).toContain('h 5xx');
});
