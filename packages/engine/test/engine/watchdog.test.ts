import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Events } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { fastClock } from '../support/fast-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const never = () => new Promise<never>(() => {});

describe.each(brokerKinds)("a worker's watchdog on $name", (kind) => {
  let broker: Broker;
  let events: Events;
  let worker: Worker | undefined;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
    events = new Events();
  });
  afterEach(async () => {
    await worker?.stop();
    worker = undefined;
  });

  /** Starts a worker with two slots on a broker with some calls replaced. */
  async function start(replaced: Partial<Broker>, clock = systemClock): Promise<void> {
    worker = new Worker(
      { ...broker, ping: () => broker.ping(), ...replaced },
      { concurrency: 2, runtime: { events, clock } },
    );
    worker.handle('x', () => {});
    await worker.start();
  }

  const enqueue = (...ids: string[]) =>
    new Client(broker).enqueueMany(ids.map((id) => ({ task: 'x', id, retention: '1h' })));
  const facts = async () => (await broker.inspect.queueFacts(['default']))[0];

  test('gives up calls that never end, and gives back the tasks that they bring later', async () => {
    const { exchange } = broker.consume;
    const releases: (() => void)[] = [];
    // The first two calls take tasks, and return only when the test releases them.
    const consume: Broker['consume'] = {
      ...broker.consume,
      async exchange(...args) {
        const outcome = await exchange(...args);
        if (releases.length < 2) await new Promise<void>((resolve) => releases.push(resolve));
        return outcome;
      },
    };
    await enqueue('a', 'b', 'c');
    const revived = nextEvent(events, 'worker.revived');
    const ends = nextEvents(events, 'attempt.finished', 1);
    await start({ consume });
    expect(await revived).toMatchObject({ calls: 2 });
    expect(await ends).toMatchObject([{ outcome: 'succeeded' }]);
    releases.forEach((release) => release());
    await expect.poll(async () => (await facts())?.counts.completed, { timeout: 20_000 }).toBe(3);
    expect(await facts()).toMatchObject({ processed: 3, failed: 0 });
  });

  test('gives up waiting for calls, but a worker that stops still waits for their finishes', async () => {
    const { exchange } = broker.consume;
    const releases: (() => void)[] = [];
    // The first two calls with finishes hang before they reach the broker.
    const consume: Broker['consume'] = {
      ...broker.consume,
      async exchange(call, options) {
        if (call.finishes.length > 0 && releases.length < 2)
          await new Promise<void>((resolve) => releases.push(resolve));
        return exchange(call, options);
      },
    };
    const order: string[] = [];
    events.on('attempt.finished', ({ outcome }) => order.push(outcome));
    const revived = nextEvent(events, 'worker.revived');
    await enqueue('a');
    await start({ consume });
    await expect.poll(() => releases.length, { timeout: 20_000 }).toBe(1);
    await enqueue('b');
    await expect.poll(() => releases.length, { timeout: 20_000 }).toBe(2);
    expect(await revived).toMatchObject({ calls: 2 });
    const stopped = worker?.stop().then(() => order.push('stopped'));
    // Gives the worker the time in which another one, without finishes to wait for, stops.
    const idle = new Worker(broker).handle('y', () => {});
    await idle.start();
    await idle.stop();
    releases.forEach((release) => release());
    await stopped;
    expect(order).toEqual(['succeeded', 'succeeded', 'stopped']);
  });

  test('is not needed when wake-ups fail or never come, because the worker polls', async () => {
    const revived: unknown[] = [];
    events.on('worker.revived', (event) => revived.push(event));
    const wakes = { never, rejected: () => Promise.reject(new Error('broken')) };
    for (const [name, wake] of Object.entries(wakes)) {
      await start({ signals: { ...broker.signals, waitForWork: wake, waitForDue: wake } });
      const ends = nextEvents(events, 'attempt.finished', 2);
      await new Promise((resolve) => setImmediate(resolve));
      await enqueue(`now-${name}`);
      await new Client(broker).enqueue('x', null, { id: `soon-${name}`, delay: '50ms' });
      expect(await ends).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
      await worker?.stop();
    }
    expect(revived).toEqual([]);
  });

  test('leaves calls alone while the broker does not answer', async () => {
    const revived: unknown[] = [];
    events.on('worker.revived', (event) => revived.push(event));
    let pings = 0;
    const pinged = new Promise<void>((resolve) => {
      const ping = () => {
        pings += 1;
        if (pings === 4) resolve();
        return Promise.reject(new Error('unreachable'));
      };
      void start({ consume: { ...broker.consume, exchange: never }, ping }, fastClock);
    });
    await pinged;
    expect(revived).toEqual([]);
  });
});
