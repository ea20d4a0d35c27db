import type { Duration } from '@task-center/model';
import { expect, onTestFinished } from 'vitest';
import { Scheduler } from '../../../src/asynq-scheduler/scheduler.ts';
import { createTestBroker } from '../../../src/testing/test-broker.ts';
import { Worker } from '../../../src/worker/worker.ts';

const HOUR_MS = 3_600_000;

/** Days of an hourly task that fails twice each third hour. */
export async function runHourly(time: Duration, seed: number) {
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

/** Days of it: each time runs once, with its retries in between, and nothing is asked of the broker in vain. */
export async function checkDays(days: number): Promise<void> {
  const { runs, calls } = await runHourly(`${days}d`, 1);
  const fires = runs.filter(({ attempt }) => attempt === 1);
  const startMs = Date.parse('2026-01-01T00:00:00Z');
  expect(fires.map(({ atMs }) => (atMs - startMs) / HOUR_MS)).toEqual(
    Array.from({ length: 24 * days }, (_, i) => i + 1),
  );
  // The last firing fails at the end of the last day.
  expect(runs.length).toBe(24 * days + 2 * (8 * days - 1));
  expect(runs).toEqual(runs.toSorted((a, b) => a.atMs - b.atMs));
  // A poll each second would be 86,400 a day.
  expect(calls).toBeLessThan(3 * runs.length);
}
