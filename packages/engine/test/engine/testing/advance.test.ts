import { expect, onTestFinished, test } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import { Inspector } from '../../../src/inspector/inspector.ts';
import { createTestBroker, type TestBrokerOptions } from '../../../src/testing/test-broker.ts';
import type { Handler } from '../../../src/worker/run/handlers.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';

/** A test broker with a worker that handles all types, and the times of the runs: `03:00:00.000 report 2`. */
async function setUp(
  handler: Handler = () => {},
  { worker: workerOptions, ...options }: TestBrokerOptions & { worker?: WorkerOptions } = {},
) {
  const broker = createTestBroker({ log: false, ...options });
  onTestFinished(() => broker.close());
  const { clock } = broker;
  const runs: string[] = [];
  const worker = new Worker(broker, { queues: ['default'], ...workerOptions });
  worker.handle('*', (task, context) => {
    runs.push(`${clock.now().toISOString().slice(11, 23)} ${task.type} ${task.attempt}`);
    return handler(task, context);
  });
  await worker.start();
  return { broker, clock, runs, worker, client: new Client(broker), tasks: new Inspector(broker).tasks };
}

test('a task runs when its delay is over, and not before', async () => {
  const { client, clock, runs } = await setUp();
  await client.enqueue('later', null, { delay: '3d' });
  await clock.advance(3 * 86_400_000 - 1);
  expect(runs).toEqual([]);
  await clock.advance(1);
  expect(runs).toEqual(['00:00:00.000 later 1']);
  expect(clock.now()).toEqual(new Date('2026-01-04T00:00:00Z'));
});

test('what is due runs in the order of its times, in one step or in many', async () => {
  const order = async (steps: readonly number[]) => {
    const { client, clock, runs } = await setUp();
    for (const [type, delay] of [
      ['c', 3_000],
      ['a', 1_000],
      ['b', 1_001],
      ['d', 90_000],
    ] as const)
      await client.enqueue(type, null, { delay });
    for (const ms of steps) await clock.advance(ms);
    return runs;
  };
  const expected = ['00:00:01.000 a 1', '00:00:01.001 b 1', '00:00:03.000 c 1', '00:01:30.000 d 1'];
  expect(await order([86_400_000])).toEqual(expected);
  expect(await order([1_000, 1, 50_000, 50_000])).toEqual(expected);
});

test('a task that is due now runs without a move of the clock, and its result can be waited for', async () => {
  const { client, runs } = await setUp((task) => ({ of: task.id }));
  expect(await client.enqueueAndWait('now', null, { id: 'x' })).toEqual({ of: 'x' });
  expect(runs).toEqual(['00:00:00.000 now 1']);
});

test('retries run at their times, and the last one leaves a dead letter', async () => {
  const { client, clock, runs, tasks } = await setUp(() => {
    throw new Error('never');
  });
  const backoff = { kind: 'fixed', delay: '10m', jitter: 0 } as const;
  await client.enqueue('fails', null, { id: 'x', maxRetries: 2, backoff });
  await clock.advance('10m');
  expect((await tasks.get('x')).state).toBe('retry');
  await clock.advance('1h');
  expect(runs).toEqual(['00:00:00.000 fails 1', '00:10:00.000 fails 2', '00:20:00.000 fails 3']);
  expect((await tasks.get('x')).state).toBe('archived');
});

test('a handler that sleeps on the clock keeps its lease, however long', async () => {
  const { broker, client, clock, runs, tasks } = await setUp(() => broker.clock.sleep('6h'), {
    worker: { lease: '2s' },
  });
  await client.enqueue('slow', null, { id: 'x', timeout: '1d', retention: '7d' });
  await clock.advance('5h');
  expect((await tasks.get('x')).state).toBe('active');
  await clock.advance('1h');
  expect(await tasks.get('x')).toMatchObject({ state: 'completed', attempts: [{ outcome: 'succeeded' }] });
  expect(runs).toEqual(['00:00:00.000 slow 1']);
});

test('a handler that sleeps for longer than its time limit is ended at the limit, and retried', async () => {
  const { broker, client, clock, runs, tasks } = await setUp((task, { signal }) =>
    task.attempt === 1 ? broker.clock.sleep('1d', { signal }) : undefined,
  );
  const backoff = { kind: 'fixed', delay: '1m', jitter: 0 } as const;
  await client.enqueue('slow', null, { id: 'x', timeout: '30s', retention: '1d', backoff });
  await clock.advance('2h');
  expect(runs).toEqual(['00:00:00.000 slow 1', '00:01:30.000 slow 2']);
  const { attempts } = await tasks.get('x');
  expect(attempts.map(({ finishedMs, startedMs }) => finishedMs - startedMs)).toEqual([30_000, 0]);
});

test('a task whose worker is gone runs again within seconds after the end of its lease', async () => {
  const { broker, client, clock, runs, tasks } = await setUp(undefined, {
    worker: { queues: ['b', 'default'] },
  });
  await client.enqueue('lost', null, { id: 'x', queue: 'other', retention: '1d' });
  const gone = { finishes: [], queues: ['other'], room: 1, leaseMs: 60_000, worker: 'gone' };
  expect((await broker.consume.exchange(gone)).tasks).toHaveLength(1);
  const heir = new Worker(broker, { queues: ['other'] }).handle('lost', () => void runs.push('lost'));
  await heir.start();
  await clock.advance('59s');
  expect(runs).toEqual([]);
  await clock.advance('6s');
  expect(runs).toEqual(['lost']);
  expect((await tasks.get('x')).attempts).toMatchObject([{ outcome: 'lost' }, { outcome: 'succeeded' }]);
});

test('a lease that nobody takes back does not keep time from passing', async () => {
  const { broker, client, clock, runs } = await setUp();
  await client.enqueue('lost', null, { queue: 'other' });
  await broker.consume.exchange({ finishes: [], queues: ['other'], room: 1, leaseMs: 5_000, worker: 'gone' });
  await client.enqueue('later', null, { delay: '365d' });
  await clock.advance('366d');
  expect(runs).toEqual(['00:00:00.000 later 1']);
});

test('a task that succeeded is gone when its retention is over', async () => {
  const { client, clock, tasks } = await setUp();
  await client.enqueue('kept', null, { id: 'x', retention: '2h' });
  await clock.advance('119m');
  expect((await tasks.get('x')).state).toBe('completed');
  await clock.advance('1m');
  await expect(tasks.get('x')).rejects.toMatchObject({ code: 'task-not-found' });
});

test('a unique lock ends, a deferred task is due again, and a group becomes a task at their times', async () => {
  const { client, clock, runs } = await setUp(undefined, {
    worker: { aggregation: { gracePeriod: '1m', aggregate: () => ({ task: 'sum', payload: null }) } },
  });
  const once = () => client.enqueue('once', { of: 1 }, { unique: '1h', delay: '30m' });
  await once();
  await expect(once()).rejects.toMatchObject({ code: 'duplicate-task' });
  await client.enqueue('part', { of: 1 }, { group: 'g' });
  await client.enqueue('part', { of: 2 }, { group: 'g' });
  await clock.advance('5m');
  expect(runs.map((run) => run.slice(13))).toEqual(['sum 1']);
  await clock.advance('55m');
  await once();
  expect(runs.map((run) => run.slice(13))).toEqual(['sum 1', 'once 1']);
});

test('workers are shown while time moves on, and stop when the broker is closed', async () => {
  const { broker, clock, worker } = await setUp();
  await clock.advance('30d');
  expect(await new Inspector(broker).servers()).toMatchObject([{ status: 'active' }]);
  await broker.close();
  await worker.whenStopped();
});

test('close waits for a handler that sleeps on the clock no longer than the worker would', async () => {
  const { broker, client } = await setUp((_, { signal }) => broker.clock.sleep('1h', { signal }));
  await client.enqueue('slow', null);
  await broker.clock.advance(0);
  await broker.close();
  expect(broker.clock.now()).toEqual(new Date('2026-01-01T00:00:08Z'));
});
