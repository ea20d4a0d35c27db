import { describe, expect, onTestFinished, test } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import type { AggregationOptions } from '../../src/worker/aggregate/rules.ts';
import { Worker } from '../../src/worker/worker.ts';
import { redisKind, sqliteKind, type BrokerKind } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';

const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();

/** A worker that aggregates groups of two tasks, not started yet. `join` enqueues tasks into the group `g`. */
async function createWorker(kind: BrokerKind, aggregation: AggregationOptions) {
  const store = await kind.createStore();
  const broker = await store.connect();
  const events = new Events();
  const options = {
    aggregation: { maxSize: 2, ...aggregation },
    shutdownTimeout: 200,
    runtime: { events },
  };
  const worker = new Worker(broker, options);
  onTestFinished(async () => {
    await worker.stop();
    await broker.close();
    await store.remove();
  });
  const client = new Client(broker);
  const join = (...ids: readonly string[]) =>
    client.enqueueMany(
      ids.map((id) => ({ task: 'mail', id, payload: id, group: 'g', headers: { from: id } })),
    );
  return { broker, events, worker, join };
}

describe.each([redisKind, sqliteKind].filter(({ available }) => available))('a worker on $name', (kind) => {
  test('makes one task of the tasks of a group, and runs it', async () => {
    const { broker, events, worker, join } = await createWorker(kind, {
      aggregate: ({ queue, group, tasks }) => ({
        task: 'digest',
        payload: {
          queue,
          group,
          of: tasks.map(({ id, type, payload, headers }) => [id, type, text(payload), headers]),
        },
        queue: 'elsewhere',
        id: 'made',
      }),
    });
    const seen = new Promise((resolve) => worker.handle('digest', (task) => resolve(task)));
    const aggregated = nextEvent(events, 'group.aggregated');
    const ended = nextEvent(events, 'attempt.finished');
    await join('a', 'b');
    await worker.start();
    expect(await aggregated).toEqual({ queue: 'default', id: 'made', group: 'g', tasks: 2 });
    expect(await seen).toMatchObject({
      id: 'made',
      queue: 'default',
      payload: {
        queue: 'default',
        group: 'g',
        of: [
          ['a', 'mail', '"a"', { from: 'a' }],
          ['b', 'mail', '"b"', { from: 'b' }],
        ],
      },
    });
    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(await broker.inspect.find(['default'], 'a', { any: true })).toEqual([]);
  });

  test('reports an aggregator that fails, and leaves the tasks in their set until it is reclaimed', async () => {
    const { broker, events, worker, join } = await createWorker(kind, {
      aggregate() {
        throw new Error('no luck');
      },
    });
    const failed = nextEvent(events, 'group.failed');
    await join('a', 'b');
    await worker.handle('*', () => {}).start();
    expect(await failed).toMatchObject({ queue: 'default', group: 'g', error: { message: 'no luck' } });
    expect(await broker.inspect.task({ queue: 'default', id: 'a' })).toMatchObject({ state: 'aggregating' });
  });

  test('refuses an invalid task of an aggregator', async () => {
    const { events, worker, join } = await createWorker(kind, { aggregate: () => ({ task: ' ' }) });
    const failed = nextEvent(events, 'group.failed');
    await join('a', 'b');
    await worker.handle('*', () => {}).start();
    expect(await failed).toMatchObject({ error: { code: 'invalid-value' } });
  });

  test('aborts running aggregators when it stops', async () => {
    let begun = () => {};
    const began = new Promise<void>((resolve) => (begun = resolve));
    const { worker, events, join } = await createWorker(kind, {
      aggregate: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
          begun();
        }),
    });
    await join('a', 'b');
    await worker.handle('*', () => {}).start();
    await began;
    const failed = nextEvent(events, 'group.failed');
    await worker.stop();
    expect(await failed).toMatchObject({ error: { message: 'aborted' } });
  });
});

test.each([
  [{ gracePeriod: '900ms' }, 'aggregation.gracePeriod'],
  [{ maxSize: 1_001 }, 'aggregation.maxSize'],
  [{ maxSize: 1.5 }, 'aggregation.maxSize'],
  [{ maxDelay: 'soon' }, 'aggregation.maxDelay'],
] as const)('a worker refuses the rules %j', async (rules, name) => {
  const store = await sqliteKind.createStore();
  const broker = await store.connect();
  const aggregation = { aggregate: () => ({ task: 'x' }), ...rules } as AggregationOptions;
  expect(() => new Worker(broker, { aggregation })).toThrow(
    expect.objectContaining({ code: 'invalid-value', details: expect.objectContaining({ name }) as unknown }),
  );
  await broker.close();
  await store.remove();
});
