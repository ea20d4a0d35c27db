import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import type { HistoryMetric } from '../../src/history/metric.ts';
import { readHistory, type MetricRequest } from '../../src/history/read-history.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { createTestBroker } from '../../src/testing/test-broker.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { until } from '../support/until.ts';

const MINUTE = 60_000;

/** Sums of a metric by key: points and gaps together. */
async function sums(
  broker: Broker,
  metric: HistoryMetric,
  { by, ...over }: Partial<MetricRequest> & Pick<MetricRequest, 'by'>,
) {
  const { nowMs } = await broker.history.state();
  const range = { fromMs: nowMs - 600 * MINUTE, toMs: nowMs + 1, step: 'minute' } as const;
  const { series } = await readHistory({ broker, log: silentLog }, { metric, by, ...range, ...over });
  return Object.fromEntries(
    series.map(({ key, points, gaps }) => [
      key,
      [...points.map(([, value]) => value), ...gaps.map(({ value }) => value)].reduce(
        (sum: number, value) =>
          sum + (typeof value === 'number' ? value : value.buckets.reduce((n, [, c]) => n + c, 0)),
        0,
      ),
    ]),
  );
}

/** Runs tasks: 12 of one type for two businesses, and 5 of another one that fail. */
async function runTasks(broker: Broker): Promise<Worker> {
  const client = new Client(broker);
  let ended = 0;
  const worker = new Worker(broker, { queues: ['orders'], concurrency: 4 });
  worker.handle('order.paid', () => {});
  worker.handle('order.lost', () => {
    throw new Error('lost');
  });
  worker.on('completed', () => (ended += 1));
  worker.on('archived', () => (ended += 1));
  await worker.start();
  // Counts are taken from the first sample on.
  await until(async () => (await broker.history.state()).version > 0);
  for (let i = 0; i < 12; i += 1)
    await client.enqueue('order.paid', i, {
      queue: 'orders',
      context: { businessId: i < 8 ? 'shop-a' : 'shop-b' },
    });
  for (let i = 0; i < 5; i += 1) await client.enqueue('order.lost', i, { queue: 'orders', maxRetries: 0 });
  await until(() => ended === 17);
  return worker;
}

describe.each(brokerKinds.filter(({ available }) => available))('history on $name', ({ createStore }) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await createStore();
  });
  afterAll(() => store.remove());

  test('has all that was run, the same from each instance, when the worker has stopped', async () => {
    const broker = await store.connect({ log: false });
    const other = await store.connect({ log: false }).catch(() => broker);
    const worker = await runTasks(broker);
    await worker.stop();
    for (const instance of [broker, other]) {
      expect(await sums(instance, 'enqueued', { by: 'queue' })).toEqual({ orders: 17 });
      expect(await sums(instance, 'succeeded', { by: 'queue' })).toEqual({ orders: 12 });
      expect(await sums(instance, 'failed', { by: 'kind' })).toEqual({ handler: 5 });
      expect(await sums(instance, 'started', { by: 'type' })).toEqual({ 'order.paid': 12, 'order.lost': 5 });
      expect(await sums(instance, 'archived', { by: 'type' })).toEqual({ 'order.lost': 5 });
      expect(await sums(instance, 'succeeded', { by: 'business' })).toEqual({ 'shop-a': 8, 'shop-b': 4 });
      expect(await sums(instance, 'run_ms', { by: 'queue' })).toEqual({ orders: 17 });
      expect(await sums(instance, 'wait_ms', { by: 'type', keys: ['order.paid'] })).toEqual({
        'order.paid': 12,
      });
      expect(await sums(instance, 'started', { by: 'queue', step: 'hour' })).toEqual({ orders: 17 });
    }
  });
});

test('the broker for tests keeps no history, as its clock jumps over days', async () => {
  const broker = createTestBroker({ log: false });
  onTestFinished(() => broker.close());
  const worker = new Worker(broker, { queues: ['orders'] });
  let runs = 0;
  worker.handle('order.paid', () => void (runs += 1));
  await worker.start();
  await new Client(broker).enqueue('order.paid', null, { queue: 'orders' });
  await broker.clock.advance(20 * MINUTE);
  expect(runs).toBe(1);
  expect(await broker.history.state()).toMatchObject({ version: 0, minute: null });
  expect(await broker.history.reports()).toEqual([]);
});
