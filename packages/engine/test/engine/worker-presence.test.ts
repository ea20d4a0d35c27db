import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Presence, ServerRecord } from '../../src/broker/presence.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const textOf = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString();

describe.each(brokerKinds)('a worker on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let events: Events;
  let announced: ServerRecord[];
  let withdrawn: number;
  let onAnnounced: (() => void) | undefined;
  let workers: Worker[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    const real = await store.connect();
    announced = [];
    withdrawn = 0;
    const presence: Presence = {
      ...real.presence,
      async announce(server) {
        await real.presence.announce(server);
        announced.push(server);
        onAnnounced?.();
      },
      async withdraw(server) {
        withdrawn += 1;
        await real.presence.withdraw(server);
      },
    };
    broker = { ...real, presence };
    events = new Events();
    workers = [];
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(workers.map((worker) => worker.stop()));
    await store.remove();
  });

  function aWorker(options: WorkerOptions = {}): Worker {
    const worker = new Worker(broker, { ...options, runtime: { events, ...options.runtime } });
    workers.push(worker);
    return worker;
  }

  /** Resolves to the first announcement that fits, one of the past included. */
  function waitForAnnouncement(fits: (server: ServerRecord) => boolean): Promise<ServerRecord> {
    return new Promise((resolve) => {
      onAnnounced = () => {
        const found = announced.find(fits);
        if (found) resolve(found);
      };
      onAnnounced();
    });
  }

  test('announces itself as soon as it starts, with its configuration', async () => {
    const worker = aWorker({ queues: { critical: 6, low: 2 }, concurrency: 7 }).handle('x', () => {});
    const before = Date.now();
    await worker.start();
    await waitForAnnouncement(() => true);
    const [server] = await broker.presence.servers();
    expect(server).toMatchObject({
      host: hostname(),
      pid: process.pid,
      concurrency: 7,
      queues: { critical: 6, low: 2 },
      strict: false,
      status: 'active',
      running: 0,
      tasks: [],
    });
    expect(server?.id).toMatch(UUID_V7);
    expect(server?.startedMs).toBeGreaterThanOrEqual(before);
    expect(worker.name.endsWith(server?.id.slice(-8) ?? '?')).toBe(true);
  });

  test('announces falling priorities for a list of queues', async () => {
    await aWorker({ queues: ['b', 'a', 'c'] })
      .handle('x', () => {})
      .start();
    expect(await waitForAnnouncement(() => true)).toMatchObject({
      queues: { b: 3, a: 2, c: 1 },
      strict: true,
    });
  });

  test('announces its tasks in progress with their start times, deadlines and the beginning of their payloads', async () => {
    const worker = aWorker().handle('x', ({ payload }) => (payload === 'short' ? undefined : gate));
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    await worker.start();
    const started = nextEvents(events, 'attempt.started', 2);
    const client = new Client(broker);
    await client.enqueue('x', 'y'.repeat(3_000), { id: 'a', timeout: '90s' });
    await client.enqueue('x', { b: 1 }, { id: 'b', timeout: '90s' });
    await started;
    worker.setQueues(['default', 'other']);
    const server = await waitForAnnouncement(({ running }) => running === 2);
    const [first, second] = server.tasks;
    expect(first).toMatchObject({ queue: 'default', id: 'a', type: 'x' });
    expect(textOf(first?.payload)).toBe(`"${'y'.repeat(1_023)}`);
    expect(textOf(second?.payload)).toBe('{"b":1}');
    expect((first?.deadlineMs ?? 0) - (first?.startedMs ?? 0)).toBe(90_000);
    open();
    await worker.stop();
  });

  test('announces that it closes while attempts end, and is gone when it has stopped', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const worker = aWorker().handle('x', () => gate);
    const started = nextEvent(events, 'attempt.started');
    await worker.start();
    await new Client(broker).enqueue('x', null, { id: 'a' });
    await started;
    const stopped = worker.stop();
    expect(await waitForAnnouncement(({ status }) => status === 'closed')).toMatchObject({
      running: 1,
      tasks: [{ id: 'a' }],
    });
    expect(await broker.presence.servers()).toHaveLength(1);
    open();
    await stopped;
    expect(withdrawn).toBe(1);
    expect(await broker.presence.servers()).toEqual([]);
  });

  test('announces that it takes no more tasks', async () => {
    const worker = aWorker().handle('x', () => {});
    await worker.start();
    await waitForAnnouncement(({ status }) => status === 'active');
    worker.stopTaking();
    expect(await waitForAnnouncement(({ status }) => status === 'stopped')).toMatchObject({ running: 0 });
  });

  test('withdraws itself alone, and another worker of the process stays', async () => {
    const [one, other] = [aWorker().handle('x', () => {}), aWorker().handle('x', () => {})];
    await one.start();
    await other.start();
    await waitForAnnouncement(() => announced.length >= 2);
    await one.stop();
    expect(await broker.presence.servers()).toHaveLength(1);
  });

  test('announces itself again every five seconds', async () => {
    const clock = createFakeClock();
    const worker = aWorker({ maintenance: false, runtime: { clock } }).handle('x', () => {});
    await worker.start();
    await waitForAnnouncement(() => announced.length === 1);
    await clock.waitForSleepers();
    await settle();
    await clock.advance(4_900);
    expect(announced).toHaveLength(1);
    await clock.advance(100);
    await waitForAnnouncement(() => announced.length === 2);
    const stopped = worker.stop();
    await waitForAnnouncement(() => announced.length === 3);
    await stopped;
  });

  test('works and stops although the broker refuses its announcements', async () => {
    const refusing: Presence = {
      ...broker.presence,
      announce: () => Promise.reject(new Error('no')),
      withdraw: () => Promise.reject(new Error('no')),
    };
    broker = { ...broker, presence: refusing };
    const failed = nextEvent(events, 'loop.failed', ({ loop }) => loop === 'heartbeat');
    const done = nextEvent(events, 'attempt.finished');
    const worker = aWorker().handle('x', () => {});
    await worker.start();
    await failed;
    await new Client(broker).enqueue('x', null, { id: 'a' });
    expect(await done).toMatchObject({ outcome: 'succeeded' });
    await worker.stop();
  });

  test('announces only the oldest thousand of very many tasks', async () => {
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const worker = aWorker({ concurrency: 1_100 }).handle('x', () => gate);
    const started = nextEvents(events, 'attempt.started', 1_100);
    await worker.start();
    const client = new Client(broker);
    const all = Array.from({ length: 1_100 }, (_, i) => client.enqueue('x', null, { id: `t${i}` }));
    await Promise.all(all);
    const order = (await started).map(({ task }) => task.id);
    worker.setQueues(['default']);
    const { tasks } = await waitForAnnouncement(({ running }) => running === 1_100);
    expect(tasks.map(({ id }) => id)).toEqual(order.slice(0, 1_000));
    open();
    await worker.stop();
  });
});
