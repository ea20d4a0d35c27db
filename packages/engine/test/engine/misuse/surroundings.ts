import { expect } from 'vitest';
import { Scheduler } from '../../../src/asynq-scheduler/scheduler.ts';
import type { TaskToEnqueue } from '../../../src/client/prepare-task.ts';
import type { Admission } from '../../../src/worker/admission.ts';
import { until } from '../../support/until.ts';
import { never, type Case } from './setting.ts';

const fail = (): never => {
  throw new Error('a function of the host');
};
const reject = async (): Promise<never> => fail();

/** Misuse of what the host passes in: listeners, hooks, a log, functions, values; and of the process itself. */
export const SURROUNDINGS: readonly Case[] = [
  {
    misuse: 'a listener that throws or rejects',
    instead: 'the task succeeds, other listeners hear of it, and the process warns',
    warns: /a function of the host/,
    async check({ events, started, run }) {
      events.on('attempt.started', fail);
      events.on('attempt.finished', fail);
      events.on('attempt.finished', () => reject() as never);
      await started(() => {});
      expect(await run('bad')).toMatchObject({ outcome: 'succeeded' });
    },
  },
  {
    misuse: 'onError that throws, rejects or never ends, and isFailure that throws or returns nothing',
    instead: 'each attempt counts as failed, and the log says so',
    async check({ worker, run, logged }) {
      const judges = [fail, () => undefined, () => never()];
      const listeners = [fail, reject, never];
      const own = worker({
        isFailure: () => judges.shift()?.() as never,
        onError: () => listeners.shift()?.(),
      });
      await own.handle('bad', fail).start();
      for (let n = 0; n < 3; n += 1)
        expect(
          await run('bad', { maxRetries: 1, backoff: { kind: 'fixed', delay: 60_000, jitter: 0 } }),
        ).toMatchObject({ outcome: 'failed' });
      expect(logged).toContain('onError threw an error');
      expect(logged).toContain('isFailure threw an error; the attempt counts as failed');
    },
  },
  {
    misuse: 'isFailure that returns nothing',
    instead: 'the attempt counts: a task without retries is archived, and others use up theirs',
    async check({ started, run, record }) {
      await started(fail, { isFailure: () => undefined as never });
      const { task } = await run('bad', {
        maxRetries: 1,
        backoff: { kind: 'fixed', delay: 60_000, jitter: 0 },
      });
      expect(await record(task.id)).toMatchObject({ state: 'retry', retried: 1 });
    },
  },
  {
    misuse: 'a health check whose report throws or rejects',
    instead: 'it is logged, and the checks go on',
    async check({ started, logged }) {
      let reports = 0;
      const report = () => {
        reports += 1;
        return reports % 2 === 0 ? reject() : fail();
      };
      await started(() => {}, { healthCheck: { every: 10, report } });
      await until(() => reports >= 4);
      expect(logged.length).toBeGreaterThan(0);
    },
  },
  {
    misuse: 'an admission whose functions throw',
    instead: 'its tasks stay with the broker, and other workers run them',
    async check({ worker, client, queue, logged, record }) {
      const admission: Admission = {
        attach: () => {},
        room: () => 1,
        onFetched: () => {},
        judge: fail,
        onStarted: fail,
        onEnded: fail,
      };
      const own = worker({ admission, lease: 2_000 });
      await own.start();
      await client.enqueue('good', null, { id: 'judged', queue });
      await until(() => logged.length > 0);
      await own.stop();
      expect(await record('judged')).toMatchObject({ retried: 0 });
    },
  },
  {
    misuse: 'hooks of a scheduler that throw or reject',
    instead: 'the task is enqueued, and the stop resolves',
    async check({ broker, runtime, queue, logged }) {
      for (const [i, hook] of [fail, reject].entries()) {
        const own = `${queue}-${i}`;
        const hooks = { preEnqueue: hook, postEnqueue: hook };
        const scheduler = new Scheduler(broker, { ...hooks, runtime: runtime() });
        scheduler.register('@every 1s', { task: 'good', queue: own });
        await scheduler.start();
        await until(async () => (await broker.inspect.queues()).includes(own));
        await scheduler.stop();
        expect(logged.length).toBeGreaterThan(2 * i);
      }
    },
  },
  {
    misuse: 'an aggregation that throws or returns no task',
    instead: 'the tasks stay in their group',
    async check({ started, client, queue, events, broker }) {
      const results = [fail, reject, () => null, () => ({ task: 7 }), () => [] as unknown];
      const count = results.length;
      let failures = 0;
      events.on('group.failed', () => void (failures += 1));
      const aggregate = () => results.shift()?.() as TaskToEnqueue;
      for (let n = 0; n < count; n += 1) await client.enqueue('x', n, { queue, group: `g${n}` });
      await started(() => {}, { aggregation: { aggregate, gracePeriod: '1s', maxSize: 1 } });
      await until(() => failures === count);
      const [facts] = await broker.inspect.queueFacts([queue]);
      expect(facts?.counts).toMatchObject({ aggregating: count, pending: 0 });
    },
  },
  {
    misuse: 'a runtime whose random numbers and clock are none',
    instead: 'tasks fail and are retried as ever',
    async check({ started, run, runtime, record }) {
      await started(fail, { runtime: runtime({ random: () => NaN }) });
      const { task } = await run('bad', { maxRetries: 1 });
      const { dueMs } = (await record(task.id)) ?? {};
      expect((dueMs ?? NaN) - Date.now()).toBeLessThan(5_000);
    },
  },
  {
    misuse: '40 workers in one process, and 40 listeners on the signal of an attempt',
    instead: 'each task runs once, all stop, and nothing warns',
    async check({ worker, client, events, queue }) {
      let runs = 0;
      const aborted = never;
      const workers = Array.from({ length: 40 }, () =>
        worker({ concurrency: 2 }).handle('bad', (_, { signal }) => {
          runs += 1;
          for (let n = 0; n < 40; n += 1) signal.addEventListener('abort', () => void aborted());
        }),
      );
      await Promise.all(workers.map((own) => own.start()));
      const ends = new Set<string>();
      events.on('attempt.finished', ({ task }) => void ends.add(task.id));
      await client.enqueueMany(Array.from({ length: 200 }, () => ({ task: 'bad', queue })));
      await until(() => ends.size === 200);
      await Promise.all(workers.map((own) => own.stop()));
      expect(runs).toBe(200);
    },
  },
];
