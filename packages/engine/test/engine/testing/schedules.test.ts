import { expect, onTestFinished, test } from 'vitest';
import { PeriodicTaskManager } from '../../../src/asynq-scheduler/periodic-task-manager.ts';
import { createTestBroker } from '../../../src/testing/test-broker.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { checkDays, runHourly } from './hourly.ts';

test('a week of an hourly task with failures runs each time once, retries in between, and does no work in vain', () =>
  checkDays(7));

test('the same seed gives the same times and IDs, another one others', async () => {
  const [first, again, other] = await Promise.all([7, 7, 8].map((seed) => runHourly('12h', seed)));
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
