import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler } from '../../src/asynq-scheduler/scheduler.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { createMaintenance } from '../../src/loops/maintenance.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { silentLog, type LogFields } from '../../src/runtime/log.ts';
import { defineTask } from '../../src/task/define-task.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { runUntilSignal } from '../../src/worker/run-until-signal.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';

const report = defineTask('report', { queue: 'reports' });
const mail = defineTask('mail', { queue: 'mails' });
/** It names no queue: `enqueue` may name any. */
const plain = defineTask('plain');
const nothing = () => {};

describe.each(brokerKinds)('a set-up that cannot work, on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  const workers: Worker[] = [];
  const warnings: [LogFields, string][] = [];
  const log = {
    ...silentLog,
    warn(fields: LogFields, message: string) {
      if (message.startsWith('this worker')) warnings.push([fields, message]);
    },
  };

  beforeAll(async () => {
    if (!available) return;
    store = await createStore();
    broker = await store.connect();
  });
  beforeEach((context) => {
    if (!available) context.skip();
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    warnings.length = 0;
  });
  afterAll(() => store?.remove());

  function aWorker(options: WorkerOptions = {}): Worker {
    const worker = new Worker(broker, { maintenance: false, ...options, runtime: { log } });
    workers.push(worker);
    return worker;
  }

  test.each([
    ['has no handlers', {}, [], 'no handlers'],
    ['has an empty list of queues', { queues: [] }, ['x'], 'no queues'],
    ['has no priorities', { queues: {} }, ['x'], 'no queues'],
    [
      'handles a definition of another queue',
      {},
      [report],
      '("report") go to "reports", but it serves "default"',
    ],
    [
      'handles definitions of other queues',
      { queues: ['a', 'b'] },
      [report, mail],
      '"reports", "mails", but it serves "a", "b"',
    ],
  ] as const)('a worker that %s says so when it is started', async (...[, options, tasks, cause]) => {
    const worker = aWorker(options);
    for (const task of tasks) worker.handle(task, nothing);
    await expect(worker.start()).rejects.toMatchObject({
      code: 'worker-misused',
      message: expect.stringContaining(cause),
      fix: expect.stringMatching(/queues|handle\(\)/),
    });
    expect(warnings).toEqual([]);
  });

  test('a worker that serves only some of its definitions warns once, with their names', async () => {
    await aWorker({ queues: ['mails'] })
      .handle(report, nothing)
      .handle(mail, nothing)
      .handle(plain, nothing)
      .start();
    expect(warnings).toEqual([
      [
        expect.objectContaining({
          types: ['report', 'plain'],
          queues: ['reports', 'default'],
          served: ['mails'],
          unserved: 2,
        }),
        expect.stringContaining('does not serve'),
      ],
    ]);
  });

  test.each([
    ['types by their names', { queues: ['elsewhere'] }, ['x', 'y:*']],
    ['a definition and its queue', { queues: { reports: 2 } }, [report]],
    ['a definition without a queue on the default one', {}, [plain]],
  ] as const)('a worker that handles %s starts without a word', async (_, options, tasks) => {
    const worker = aWorker(options);
    for (const task of tasks) worker.handle(task, nothing);
    await worker.start();
    expect(warnings).toEqual([]);
  });

  test('a worker that handles a definition without a queue, and serves another one, warns and starts', async () => {
    await aWorker({ queues: ['elsewhere'] })
      .handle(plain, nothing)
      .start();
    expect(warnings).toEqual([
      [expect.objectContaining({ types: ['plain'], queues: ['default'] }), expect.any(String)],
    ]);
  });

  test('a worker that was given other queues warns of what it does not serve any more', async () => {
    const worker = aWorker({ queues: ['reports', 'mails'] })
      .handle(report, nothing)
      .handle(mail, nothing);
    await worker.start();
    expect(warnings).toEqual([]);
    worker.setQueues(['mails']);
    worker.setQueues(['mails']);
    expect(warnings).toEqual([[expect.objectContaining({ types: ['report'] }), expect.any(String)]]);
    worker.setQueues(['reports', 'mails']);
    expect(warnings).toHaveLength(1);
  });

  test('whatever runs on a closed broker is refused at its start', async () => {
    // Another store: a SQLite file has one owner.
    const own = await createStore();
    onTestFinished(() => own.remove());
    const closed = await own.connect();
    await closed.close();
    const refused = { code: 'broker-closed' };
    const worker = () => new Worker(closed).handle('x', nothing);
    await expect(worker().start()).rejects.toMatchObject(refused);
    await expect(runUntilSignal(worker())).rejects.toMatchObject(refused);
    await expect(new Scheduler(closed).start()).rejects.toMatchObject(refused);
    await expect(new PeriodicTaskManager(closed, { provider: () => [] }).start()).rejects.toMatchObject(
      refused,
    );
    const maintenance = createMaintenance({ broker: closed, queues: () => [], runtime: createRuntime() });
    expect(() => maintenance.start()).toThrow(expect.objectContaining(refused));
    await maintenance.stop();
  });

  test('a worker that was stopped before its start never starts', async () => {
    const worker = aWorker().handle('x', nothing);
    await worker.stop();
    await expect(worker.start()).rejects.toMatchObject({
      code: 'worker-misused',
      message: expect.stringContaining('it has been stopped'),
    });
  });
});
