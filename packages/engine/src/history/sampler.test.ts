import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, setUpHistory } from '../../test/support/sampled-history.ts';
import { lastMinute } from './last-minute.ts';
import type { HistoryMetric } from './metric.ts';
import { seriesCount } from './series.ts';

describe('the sampler of history', () => {
  test('writes what each minute has added to the counters', async () => {
    const { clock, queues, startSampler, read } = setUpHistory();
    queues.count('orders', { enqueued: 100 });
    await startSampler();
    await clock.advance(20_000);
    queues.count('orders', { enqueued: 3 });
    await clock.advance(MINUTE);
    queues.count('orders', { enqueued: 4 });
    queues.count('new~cb', { enqueued: 5 });
    await clock.advance(2 * MINUTE);
    expect(await read('enqueued')).toEqual([
      {
        key: 'orders',
        points: [
          [0, 3],
          [1, 4],
        ],
        gaps: [],
      },
      { key: 'new', points: [[1, 5]], gaps: [] },
    ]);
    expect(await read('enqueued', { by: 'kind', keys: ['callback'] })).toMatchObject([
      { key: 'callback', points: [[1, 5]] },
    ]);
  });

  test('shows the present minute before anybody has written it, and then the same', async () => {
    const { clock, queues, startSampler, read, report } = setUpHistory();
    await startSampler();
    await clock.advance(6 * MINUTE + 10_000);
    queues.count('orders', { started: 3 });
    await report(6, 'a', { by: 'type', key: 'order.paid', started: 3 });
    const before = [await read('started'), await read('started', { by: 'type' })];
    expect(before).toEqual([
      [{ key: 'orders', points: [[6, 3]], gaps: [] }],
      [{ key: 'order.paid', points: [[6, 3]], gaps: [] }],
    ]);
    // The minute has ended, and is not written yet.
    await clock.advance(52_000);
    expect(await read('started', { by: 'type' })).toEqual(before[1]);
    await clock.advance(MINUTE);
    expect([await read('started'), await read('started', { by: 'type' })]).toEqual(before);
  });

  test('merges the reports of all processes, before percentiles are read off', async () => {
    const { clock, startSampler, read, report } = setUpHistory();
    await startSampler();
    await clock.advance(30_000);
    await report(0, 'a', { by: 'type', key: 'order.paid', started: 30 });
    await report(0, 'b', { by: 'type', key: 'order.paid', started: 10 });
    await report(0, 'b', { by: 'type', key: 'order.paid', started: 12 });
    await clock.advance(MINUTE);
    expect(await read('run_ms', { by: 'type' })).toEqual([
      { key: 'order.paid', points: [[0, { p50: 10, p95: 10, p99: 10, buckets: [[11, 42]] }]], gaps: [] },
    ]);
  });

  test('writes nothing while nothing happens', async () => {
    const { clock, history, queues, startSampler } = setUpHistory();
    for (let i = 0; i < 50; i += 1) queues.count(`queue-${i}`, { enqueued: i });
    await startSampler();
    await clock.advance(10 * MINUTE);
    const { writes } = history;
    expect(writes).toBe(1);
    await clock.advance(HOUR);
    expect(history.writes).toBe(writes);
  });

  test('knows after an idle time in which minute something happened', async () => {
    const { clock, queues, startSampler, read } = setUpHistory();
    queues.count('orders', { enqueued: 1 });
    await startSampler();
    await clock.advance(30 * MINUTE + 30_000);
    queues.count('orders', { enqueued: 2 });
    await clock.advance(MINUTE);
    expect(await read('enqueued')).toEqual([{ key: 'orders', points: [[30, 2]], gaps: [] }]);
  });

  test('gives what nobody has sampled as a gap, and what was reported meanwhile in its minutes', async () => {
    const { clock, queues, startSampler, read, report } = setUpHistory();
    const first = await startSampler();
    queues.count('orders', { enqueued: 1 });
    await clock.advance(90_000);
    await first.stop();
    queues.count('orders', { enqueued: 50 });
    await clock.advance(3 * MINUTE);
    await report(4, 'a', { by: 'host', key: 'shop.example', started: 2 });
    await clock.advance(6 * MINUTE);
    await startSampler();
    await clock.advance(10_000);
    queues.count('orders', { enqueued: 2 });
    await clock.advance(MINUTE);
    expect(await read('enqueued')).toEqual([
      {
        key: 'orders',
        points: [
          [0, 1],
          [10, 2],
        ],
        gaps: [[1, 10, 50]],
      },
    ]);
    expect(await read('started', { by: 'host' })).toEqual([
      { key: 'shop.example', points: [[4, 2]], gaps: [] },
    ]);
  });

  test('leaves no gap when another instance takes over soon, or when nothing has happened meanwhile', async () => {
    const { clock, queues, startSampler, read } = setUpHistory();
    const first = await startSampler();
    queues.count('orders', { enqueued: 5 });
    await clock.advance(70_000);
    await first.stop();
    queues.count('orders', { enqueued: 1 });
    await clock.advance(20_000);
    const second = await startSampler();
    await clock.advance(MINUTE);
    await second.stop();
    await clock.advance(20 * MINUTE);
    await startSampler();
    await clock.advance(30_000);
    queues.count('orders', { enqueued: 2 });
    await clock.advance(MINUTE);
    expect(await read('enqueued')).toEqual([
      {
        key: 'orders',
        points: [
          [0, 5],
          [1, 1],
          [23, 2],
        ],
        gaps: [],
      },
    ]);
  });

  test('counts nothing twice when two sample at the same time', async () => {
    const { clock, queues, claims, startSampler, read } = setUpHistory();
    await startSampler();
    await clock.advance(61_000);
    // A broker that has lost its newest data gives the claim to a second one, while the first one believes in its own.
    claims.steal('history', 1);
    await startSampler();
    for (let minute = 1; minute <= 5; minute += 1) {
      queues.count('orders', { enqueued: 7 });
      await clock.advance(MINUTE);
    }
    const orders = (await read('enqueued')).at(0)!;
    expect(orders.gaps).toEqual([]);
    expect(orders.points.map(([, value]) => value)).toEqual([7, 7, 7, 7, 7]);
  });

  test('counts a queue from 0 that was removed and made again, and the totals of Asynq apart from ours', async () => {
    const { clock, queues, startSampler, read } = setUpHistory();
    queues.count('orders', { enqueued: 100, succeeded: 90 });
    queues.count('go', { enqueued: 10, succeeded: 10 });
    await startSampler();
    await clock.advance(MINUTE);
    queues.remove('orders');
    queues.count('orders', { enqueued: 5, succeeded: 2 });
    queues.count('go', { enqueued: 1, succeeded: -7 });
    await clock.advance(MINUTE);
    expect(await read('enqueued')).toMatchObject([
      { key: 'go', points: [[1, 1]] },
      { key: 'orders', points: [[1, 5]] },
    ]);
    expect(await read('succeeded')).toMatchObject([
      { key: 'go', points: [[1, 3]] },
      { key: 'orders', points: [[1, 2]] },
    ]);
  });

  test('makes hours of minutes, and shows the hours that are not made yet', async () => {
    const { clock, queues, startSampler, read, report } = setUpHistory();
    await startSampler();
    for (let minute = 0; minute < 130; minute += 10) {
      queues.count('orders', { enqueued: 1 });
      await report(minute, 'a', { by: 'business', key: 'shop', started: 2 });
      await clock.advance(10 * MINUTE);
    }
    const enqueued = [
      [0, 6],
      [1, 6],
      [2, 1],
    ];
    expect(await read('enqueued', { step: 'hour' })).toEqual([{ key: 'orders', points: enqueued, gaps: [] }]);
    expect(await read('started', { step: 'hour', by: 'business' })).toEqual([
      {
        key: 'shop',
        points: [
          [0, 12],
          [1, 12],
          [2, 2],
        ],
        gaps: [],
      },
    ]);
  });

  test('makes the hour of the last minutes also when all was still since, or nobody ran', async () => {
    const { clock, history, queues, startSampler, read } = setUpHistory();
    const first = await startSampler();
    queues.count('orders', { enqueued: 1 });
    await clock.advance(2 * MINUTE + 10_000);
    await first.stop();
    queues.count('orders', { enqueued: 4 });
    await clock.advance(150 * MINUTE);
    await startSampler();
    await clock.advance(HOUR);
    expect(history.stored().filter(({ step }) => step === 'hour').length).toBe(2);
    expect(await read('enqueued', { step: 'hour' })).toEqual([
      { key: 'orders', points: [[0, 1]], gaps: [[1, 152, 4]] },
    ]);
  });

  test('writes gauges when they change, and carries them forward', async () => {
    const { clock, history, queues, startSampler, read } = setUpHistory();
    await startSampler();
    await clock.advance(30_000);
    queues.set('orders', { counts: { pending: 3 }, oldestPendingMs: 5_000 });
    await clock.advance(MINUTE);
    const { writes } = history;
    for (let minute = 1; minute < 5; minute += 1) {
      queues.set('orders', { oldestPendingMs: 5_000 + minute * MINUTE });
      await clock.advance(MINUTE);
    }
    expect(history.writes).toBe(writes);
    queues.set('orders', { counts: { pending: 0 }, oldestPendingMs: null, paused: true });
    await clock.advance(2 * MINUTE);
    const values = async (metric: HistoryMetric) => {
      const orders = (await read(metric, { fromMs: clock.wallMs() - 7 * MINUTE })).at(0)!;
      return orders.points.map(([, value]) => value);
    };
    expect(await values('pending')).toEqual([3, 3, 3, 3, 3, 0, 0, 0]);
    expect(await values('oldest_pending_ms')).toEqual([5_000, 65_000, 125_000, 185_000, 245_000, 0, 0, 0]);
    expect(await values('paused')).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(await read('oldest_pending_ms', { step: 'hour', keys: ['orders'] })).toMatchObject([
      {
        key: 'orders',
        points: [
          [-1, 0],
          [0, 245_000],
        ],
      },
    ]);
  });

  test('keeps pages within their bytes, and counts how many series were merged', async () => {
    const maxBytes = 8 * 1_024 * 1_024;
    const { clock, history, queues, startSampler, read } = setUpHistory({ maxBytes });
    await startSampler();
    await clock.advance(30_000);
    for (let i = 1; i <= 400; i += 1)
      queues.count(`a-rather-long-name-of-a-queue-${i * 7_919}`, { enqueued: i });
    await clock.advance(MINUTE);
    const bytes = history.stored().reduce((sum, { data }) => sum + data.length, 0);
    expect(bytes).toBeLessThanOrEqual((maxBytes * 0.7) / 1_500);
    const series = await read('enqueued');
    const sum = series.flatMap(({ points }) => points).reduce((all, [, value]) => all + (value as number), 0);
    expect(sum).toBe((400 * 401) / 2);
    expect(series.some(({ key }) => key === null)).toBe(true);
  });

  test('goes on when what is stored cannot be read', async () => {
    const { clock, history, queues, startSampler, read } = setUpHistory();
    queues.count('orders', { enqueued: 10 });
    await startSampler();
    await clock.advance(30_000);
    queues.count('orders', { enqueued: 1 });
    await clock.advance(MINUTE);
    history.damage('pages');
    history.damage('baselines');
    await clock.advance(2 * MINUTE);
    queues.count('orders', { enqueued: 5 });
    await clock.advance(2 * MINUTE);
    const orders = (await read('enqueued')).at(0)!;
    expect(orders.points.map(([, value]) => value)).toEqual([5]);
  });

  test('gives the last full minute of queues', async () => {
    const { clock, queues, broker, log, startSampler } = setUpHistory();
    await startSampler();
    const enqueued = async () =>
      (await lastMinute({ broker, log, clock }, ['orders', 'other'])).map((one) =>
        seriesCount(one, 'enqueued'),
      );
    await clock.advance(20_000);
    queues.count('orders', { enqueued: 3 });
    expect(await enqueued()).toEqual([0, 0]);
    await clock.advance(50_000);
    expect(await enqueued()).toEqual([3, 0]);
    // Until the next minute is written, this one stays the last.
    await clock.advance(52_000);
    expect(await enqueued()).toEqual([3, 0]);
    await clock.advance(10_000);
    expect(await enqueued()).toEqual([0, 0]);
  });
});
