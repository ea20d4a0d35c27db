import type { Duration } from '@task-center/model';
import { expect, onTestFinished, test } from 'vitest';
import { PeriodicTaskManager } from '../../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler } from '../../../src/asynq-scheduler/scheduler.ts';
import { createTestBroker } from '../../../src/testing/test-broker.ts';
import { Worker } from '../../../src/worker/worker.ts';

const HOUR_MS = 3_600_000;

/** Days of an hourly task that fails twice each third hour. */
async function runHourly(time: Duration, seed: number) {
  const broker = createTestBroker({ log: false, seed });
  onTestFinished(() => broker.close());
  const { clock } = broker;
  const runs: { atMs: number; attempt: number; id: string }[] = [];
  const worker = new Worker(broker, { queues: ['reports'] });
  worker.handle('report', (task) => {
    runs.push({ atMs: clock.now().getTime(), attempt: task.attempt, id: task.id });
    if (clock.now().getUTCHours() % 3 === 0 && task.attempt < 3) throw new Error('not yet');
  });
  const scheduler = new Scheduler(broker);
  scheduler.register('0 * * * *', { task: 'report', queue: 'reports' });
  await worker.start();
  await scheduler.start();
  const calls = countCalls(broker);
  await clock.advance(time);
  return { runs, calls: calls() };
}

/** Counts the exchanges of workers, the busiest call. */
function countCalls({ consume }: ReturnType<typeof createTestBroker>): () => number {
  let calls = 0;
  const { exchange } = consume;
  consume.exchange = (...args) => {
    calls += 1;
    return exchange(...args);
  };
  return () => calls;
}

test('a month of an hourly task with failures runs each time once, retries in between, and does no work in vain', async () => {
  const { runs, calls } = await runHourly('30d', 1);
  const fires = runs.filter(({ attempt }) => attempt === 1);
  const startMs = Date.parse('2026-01-01T00:00:00Z');
  expect(fires.map(({ atMs }) => (atMs - startMs) / HOUR_MS)).toEqual(
    Array.from({ length: 720 }, (_, i) => i + 1),
  );
  // The last firing fails at the end of the month.
  expect(runs.length).toBe(720 + 2 * 239);
  expect(runs).toEqual(runs.toSorted((a, b) => a.atMs - b.atMs));
  // A poll each second would be 2,592,000.
  expect(calls).toBeLessThan(3 * runs.length);
});

test('the same seed gives the same times and IDs, another one others', async () => {
  const [first, again, other] = await Promise.all([7, 7, 8].map((seed) => runHourly('2d', seed)));
  expect(again).toEqual(first);
  expect(other?.runs.map(({ id }) => id)).not.toEqual(first?.runs.map(({ id }) => id));
  expect(other?.runs.map(({ atMs }) => atMs)).not.toEqual(first?.runs.map(({ atMs }) => atMs));
});

test('a periodic task that a provider adds on the second day runs from then on', async () => {
  const broker = createTestBroker({ log: false });
  onTestFinished(() => broker.close());
  const { clock } = broker;
  const days: number[] = [];
  const worker = new Worker(broker, { queues: ['default'] });
  worker.handle('daily', () => void days.push(clock.now().getUTCDate()));
  const manager = new PeriodicTaskManager(broker, {
    syncInterval: '1h',
    provider: () => [{ spec: '0 12 * * *', task: 'daily' }].filter(() => clock.now().getUTCDate() > 1),
  });
  await worker.start();
  await manager.start();
  await clock.advance('4d');
  expect(days).toEqual([2, 3, 4]);
});
