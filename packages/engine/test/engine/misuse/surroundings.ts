import { expect } from 'vitest';
import { PeriodicTaskManager } from '../../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler } from '../../../src/asynq-scheduler/scheduler.ts';
import type { Log } from '../../../src/runtime/log.ts';
import { Client } from '../../../src/client/client.ts';
import type { TaskToEnqueue } from '../../../src/client/prepare-task.ts';
import type { Admission } from '../../../src/worker/admission.ts';
import { until } from '../../support/until.ts';
import { never, type Case } from './setting.ts';

const fail = (): never => {
  throw new Error('a function of the host');
};
const throwingLog: Log = { debug: fail, info: fail, warn: fail, error: fail };
const reject = async (): Promise<never> => fail();

/** What providers of periodic tasks may return instead of a list of them. */
const PROVIDED: readonly (() => unknown)[] = [
  fail,
  reject,
  () => null,
  () => 7,
  () => [null],
  () => [{ spec: 1 }],
];

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
  {
    misuse: 'a log that throws',
    instead: 'tasks run and fail as ever',
    async check({ started, run, runtime, broker }) {
      const options = { onError: reject, isFailure: fail, runtime: runtime({ log: throwingLog }) };
      await started(fail, options);
      for (let n = 0; n < 3; n += 1) expect(await run('bad')).toMatchObject({ outcome: 'archived' });
      const faulty = { ...broker, ping: fail };
      await expect(new Client(faulty, { runtime: { log: throwingLog } }).enqueue('x')).resolves.toBeDefined();
    },
  },
  {
    misuse: 'a provider of periodic tasks that throws or returns no list',
    instead: 'the start rejects, and nothing runs',
    async check({ broker, runtime }) {
      for (const provider of PROVIDED) {
        const manager = new PeriodicTaskManager(broker, { provider: provider as never, runtime: runtime() });
        await expect(manager.start()).rejects.toBeInstanceOf(Error);
        await expect(manager.start()).rejects.not.toBeInstanceOf(TypeError);
        await manager.stop();
      }
    },
  },
  {
    misuse: 'a provider of periodic tasks that never answers again',
    instead: 'the manager goes on with what it has, and its stop resolves',
    async check({ broker, runtime }) {
      let calls = 0;
      const provider = () => {
        calls += 1;
        return calls === 1 ? [{ spec: '@every 1h', task: 'x' }] : never();
      };
      const manager = new PeriodicTaskManager(broker, { provider, syncInterval: 5, runtime: runtime() });
      await manager.start();
      await until(() => calls === 2);
      await manager.stop();
    },
  },
  {
    misuse: 'a provider of periodic tasks that never answers at all',
    instead: 'its stop resolves, and the start, too: nothing was started',
    async check({ broker, runtime }) {
      const manager = new PeriodicTaskManager(broker, { provider: never, runtime: runtime() });
      const started = manager.start();
      await manager.stop();
      await expect(started).rejects.toMatchObject({ code: 'scheduler-misused' });
    },
  },
  {
    misuse: 'NaN, numbers as texts, and dates as texts',
    instead: 'each is refused by its name, and nothing is stored',
    async check({ client, queue, worker, broker }) {
      const options: object[] = [
        { runAt: '2026-12-01T00:00:00Z' },
        { runAt: new Date('never') },
        { deadline: 1_800_000_000_000 },
        { delay: NaN },
        { timeout: Infinity },
        { retention: -1 },
        { unique: '90' },
        { maxRetries: '3' },
        { maxRetries: NaN },
        { id: 5 },
        { queue: NaN },
        { group: 7 },
        { headers: { a: 1 } },
        { headers: 'a' },
        { headers: [] },
        { context: { businessId: 7 } },
      ];
      for (const option of options) {
        const [name = ''] = Object.keys(option);
        const refused = expect.objectContaining({
          code: 'invalid-value',
          message: expect.stringContaining(name) as string,
        }) as Error;
        await expect(client.enqueue('x', null, { queue: `${queue}-x`, ...option })).rejects.toEqual(refused);
      }
      for (const option of [{ concurrency: NaN }, { concurrency: '5' }, { queues: [NaN] }, { queues: 'a' }])
        expect(() => worker(option as never), JSON.stringify(option)).toThrow(
          expect.objectContaining({ code: 'invalid-value' }) as Error,
        );
      expect(await broker.inspect.queues()).not.toContain(`${queue}-x`);
    },
  },
];
