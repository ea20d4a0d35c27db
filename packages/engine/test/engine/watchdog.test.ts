import { describe, expect, test, type TestContext } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { Events } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type BrokerKind } from '../support/brokers.ts';
import { fastClock } from '../support/fast-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';
import { until } from '../support/until.ts';

const never = () => new Promise<never>(() => {});

/** A broker, and workers on it with two slots and with some calls of the broker replaced. */
async function setUp({ onTestFinished, skip }: TestContext, kind: BrokerKind) {
  if (!kind.available) skip();
  const store = await kind.createStore();
  onTestFinished(() => store.remove());
  const broker = await store.connect();
  const events = new Events();
  return {
    broker,
    events,
    async start(replaced: Partial<Broker>, clock = systemClock): Promise<Worker> {
      const worker = new Worker(
        { ...broker, ping: () => broker.ping(), ...replaced },
        { concurrency: 2, runtime: { events, clock } },
      );
      onTestFinished(() => worker.stop());
      worker.handle('x', () => {});
      await worker.start();
      return worker;
    },
    enqueue: (...ids: string[]) =>
      new Client(broker).enqueueMany(ids.map((id) => ({ task: 'x', id, retention: '1h' }))),
    facts: async () => (await broker.inspect.queueFacts(['default']))[0],
  };
}

// Concurrent, because the watchdog waits for seconds.
describe.each(brokerKinds)("a worker's watchdog on $name", { concurrent: true }, (kind) => {
  test('gives up calls that never end, and gives back the tasks that they bring later', async (context) => {
    const { broker, events, start, enqueue, facts } = await setUp(context, kind);
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
    await until(async () => (await facts())?.counts.completed === 3);
    expect(await facts()).toMatchObject({ processed: 3, failed: 0 });
  });

  test('gives up waiting for calls, but a worker that stops still waits for their finishes', async (context) => {
    const { broker, events, start, enqueue } = await setUp(context, kind);
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
    const worker = await start({ consume });
    await until(() => releases.length === 1);
    await enqueue('b');
    await until(() => releases.length === 2);
    expect(await revived).toMatchObject({ calls: 2 });
    const stopped = worker.stop().then(() => order.push('stopped'));
    // Gives the worker the time in which another one, without finishes to wait for, stops.
    const idle = new Worker(broker).handle('y', () => {});
    await idle.start();
    await idle.stop();
    releases.forEach((release) => release());
    await stopped;
    expect(order).toEqual(['succeeded', 'succeeded', 'stopped']);
  });

  test('is not needed when wake-ups fail or never come, because the worker polls', async (context) => {
    const { broker, events, start, enqueue } = await setUp(context, kind);
    const revived: unknown[] = [];
    events.on('worker.revived', (event) => revived.push(event));
    const wakes = { never, rejected: () => Promise.reject(new Error('broken')) };
    for (const [name, wake] of Object.entries(wakes)) {
      const worker = await start({ signals: { ...broker.signals, waitForWork: wake, waitForDue: wake } });
      const ends = nextEvents(events, 'attempt.finished', 2);
      await new Promise((resolve) => setImmediate(resolve));
      await enqueue(`now-${name}`);
      await new Client(broker).enqueue('x', null, { id: `soon-${name}`, delay: '50ms' });
      expect(await ends).toMatchObject([{ outcome: 'succeeded' }, { outcome: 'succeeded' }]);
      await worker.stop();
    }
    expect(revived).toEqual([]);
  });

  test('leaves calls alone while the broker does not answer', async (context) => {
    const { broker, events, start } = await setUp(context, kind);
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
