import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  createRuntime,
  silentLog,
  type Broker,
  type Log,
  type NewTask,
  type TaskRecord,
} from '@task-center/engine';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { brokerKinds, type BrokerKind, type TestStore } from '../../engine/test/support/brokers.ts';
import { aTask as anyTask } from '../../engine/test/support/factories.ts';
import { until } from '../../engine/test/support/until.ts';
import { createCallbackWorker } from '../src/callbacks/callback-worker.ts';
import { LiveRules } from '../src/http/live-rules.ts';
import { writtenFields } from '../src/observe/logs.ts';

const QUEUE = 'default~cb';
const NOTHING = { mode: 'service', allow: [] } as const;

function notSentSuite(kind: BrokerKind): void {
  let place: TestStore;
  let broker: Broker;
  let receiver: Server;
  let received: (string | undefined)[];
  let warned: { fields: Readonly<Record<string, unknown>>; message: string }[];
  const stops: (() => Promise<void>)[] = [];
  let taskCount = 0;

  const portOf = () => (receiver.address() as AddressInfo).port;
  const receiverRules = () => ({
    mode: 'service' as const,
    allow: [{ cidr: '127.0.0.1/32', ports: [portOf()], http: true }],
  });
  const log: Log = {
    ...silentLog,
    warn: (fields, message) => void warned.push({ fields: writtenFields(fields), message }),
  };

  beforeAll(async () => {
    place = await kind.createStore();
    receiver = createServer((request, response) => {
      received.push(request.headers['task-center-task-id'] as string | undefined);
      request.resume();
      response.end('ok');
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await place.remove();
  });
  beforeEach(async () => {
    broker = await place.connect();
    received = [];
    warned = [];
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await broker.close();
  });

  function aTask(over: Partial<NewTask> = {}): NewTask {
    taskCount += 1;
    const callback = { url: `http://127.0.0.1:${portOf()}/` };
    const meta = { createdMs: Date.now(), callback };
    return anyTask({
      queue: QUEUE,
      id: `wait-${taskCount}`,
      retentionMs: 60_000,
      maxRetries: 0,
      meta,
      ...over,
    });
  }

  async function start(given: Pick<LiveRules, 'mode' | 'allow'>) {
    const rules = new LiveRules({ ...given, concurrency: 8 }, silentLog);
    const runtime = createRuntime({ log });
    const worker = createCallbackWorker({ broker, config: { callbacks: rules }, log, runtime });
    rules.onChange(() => worker.onRulesChanged());
    stops.push(() => worker.stop());
    await worker.start();
    return { rules, worker };
  }

  const recordOf = async ({ queue, id }: NewTask) => broker.inspect.task({ queue, id });
  /** Resolves with the task's record when it holds. */
  async function when(task: NewTask, holds: (record: TaskRecord) => boolean): Promise<TaskRecord> {
    let record: TaskRecord | null = null;
    await until(async () => (record = await recordOf(task)) !== null && holds(record));
    return record as unknown as TaskRecord;
  }
  const waits = (task: NewTask) => when(task, (it) => it.state === 'scheduled' && it.waitingFor !== null);
  const reaches = (task: NewTask, state: TaskRecord['state']) => when(task, (it) => it.state === state);

  test('a callback that no rule allows waits at no attempt, with the reason on the task', async () => {
    await start(NOTHING);
    const task = aTask();
    const beganMs = Date.now();
    await broker.submit.enqueue([task]);
    const record = await waits(task);
    expect(record).toMatchObject({
      attempt: 0,
      retried: 0,
      attempts: [],
      lastError: null,
      waitingFor:
        `not sent (blocked_address): no entry of callbacks.allow matches http://127.0.0.1:${portOf()}; ` +
        `to allow it, add {"cidr":"127.0.0.1/32","ports":["${portOf()}"],"http":true}`,
    });
    expect(record.deferrals).toBeGreaterThanOrEqual(1);
    expect(record.dueMs).toBeGreaterThan(beganMs + 900);
    expect(received).toEqual([]);
    await broker.control.remove(task);
  });

  test('it goes as soon as the rules allow it, however long it would have waited', async () => {
    const { rules } = await start(NOTHING);
    const tasks = Array.from({ length: 5 }, () => aTask());
    await broker.submit.enqueue(tasks);
    for (const task of tasks) await waits(task);
    const beganMs = Date.now();
    rules.replace(receiverRules());
    await Promise.all(tasks.map((task) => reaches(task, 'completed')));
    expect(Date.now() - beganMs).toBeLessThan(5_000);
    expect(new Set(received)).toEqual(new Set(tasks.map(({ id }) => id)));
    for (const task of tasks) expect(await recordOf(task)).toMatchObject({ attempt: 1 });
  });

  test('it goes when a service starts with other rules, though its pause is long; other tasks keep their times', async () => {
    const [task, later] = [aTask(), aTask()];
    await broker.submit.enqueue([task]);
    await broker.submit.enqueue([{ ...later, delayMs: 200_000 }]);
    const take = { queues: [QUEUE], room: 1, leaseMs: 6_000, worker: 'w' };
    const { tasks } = await broker.consume.exchange({ ...take, finishes: [] });
    const reason = 'not sent (blocked_address): no entry of callbacks.allow matches it';
    const finishes = tasks.map(
      (leased) => ({ task: leased, outcome: 'defer', delayMs: 290_000, reason }) as const,
    );
    await broker.consume.exchange({ ...take, room: 0, finishes });
    const beganMs = Date.now();
    await start(receiverRules());
    await reaches(task, 'completed');
    expect(Date.now() - beganMs).toBeLessThan(5_000);
    expect(await recordOf(later)).toMatchObject({ state: 'scheduled' });
    await broker.control.remove(later);
  });

  test('its deadline ends it, in time', async () => {
    await start(NOTHING);
    const task = aTask({ deadlineMs: Math.ceil(Date.now() / 1_000) * 1_000 + 1_000 });
    await broker.submit.enqueue([task]);
    await waits(task);
    const record = await reaches(task, 'archived');
    expect(record.attempts).toMatchObject([{ error: { class: 'expired' } }]);
    expect(record.finishedMs).toBeLessThan(task.deadlineMs + 3_000);
    expect(received).toEqual([]);
  });

  test('those that wait are told of together: how many, and why', async () => {
    await start(NOTHING);
    const tasks = Array.from({ length: 7 }, () => aTask());
    await broker.submit.enqueue(tasks);
    await until(() => warned.length > 0);
    expect(warned).toHaveLength(1);
    const { count, reasons } = warned[0]?.fields ?? {};
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThanOrEqual(7);
    expect(reasons).toEqual([expect.stringContaining('blocked_address')]);
    await Promise.all(tasks.map((task) => broker.control.remove(task)));
  });

  test('a URL that is none fails at once, as it can never work', async () => {
    await start(receiverRules());
    const task = aTask({ meta: { callback: { url: 'ftp://127.0.0.1/' } } });
    await broker.submit.enqueue([task]);
    expect((await reaches(task, 'archived')).attempts).toMatchObject([{ error: { class: 'invalid_url' } }]);
  });
}

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`callbacks that cannot be sent, on ${kind.name}`, () =>
    notSentSuite(kind),
  );
