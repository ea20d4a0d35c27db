import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import type { Handler } from '../../src/worker/run/handlers.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { nextEvent } from '../support/next-event.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const LEASE_MS = 2_000;
/** Longer than a lease, which would expire meanwhile without renewals. */
const BLOCK_MS = 1.5 * LEASE_MS;

/** The main thread cannot renew leases here, so every renewal is made by the renewer thread. */
describe.each(brokerKinds)('the lease renewer thread on $name', (kind) => {
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

  async function start(handler: Handler, options: WorkerOptions = {}): Promise<void> {
    const consume = {
      ...broker.consume,
      extend: () => Promise.reject(new Error('the main thread renewed')),
    };
    worker = new Worker({ ...broker, consume }, { lease: LEASE_MS, runtime: { events }, ...options });
    await worker.handle('x', handler).start();
  }

  const enqueue = (id = 'a') => new Client(broker).enqueue('x', null, { id, retention: '1h' });
  const record = () => broker.inspect.task({ queue: 'default', id: 'a' });
  /** Blocks the event loop without using up a processor, which other tests can use. */
  const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

  test('renews the lease of a long attempt', async () => {
    const renewed = nextEvent(events, 'leases.renewed', ({ gapMs }) => gapMs > 0);
    const done = nextEvent(events, 'attempt.finished');
    await start(() => renewed);
    await enqueue();
    expect(await renewed).toMatchObject({ queue: 'default', leases: 1, lost: 0 });
    expect(await done).toMatchObject({ outcome: 'succeeded' });
    expect(await record()).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
  });

  test('keeps the lease of a handler that blocks the event loop, and the stall is reported', async () => {
    const stalled = nextEvent(events, 'loop.stalled', ({ stallMs }) => stallMs > LEASE_MS);
    const done = nextEvent(events, 'attempt.finished');
    await start(async () => {
      await Promise.resolve();
      block(BLOCK_MS);
    });
    await enqueue();
    expect(await done).toMatchObject({ outcome: 'succeeded' });
    await stalled;
    expect(await record()).toMatchObject({ state: 'completed', attempt: 1, crashes: 0 });
  });

  test('keeps the leases of tasks that were fetched together with one whose handler blocks the event loop', async () => {
    const runs: string[] = [];
    const stalled = nextEvent(events, 'loop.stalled', ({ stallMs }) => stallMs > LEASE_MS);
    const done = new Promise<void>((resolve) => {
      events.on('attempt.finished', ({ task, outcome }) => {
        if (task.id === 'b' && outcome === 'succeeded') resolve();
      });
    });
    await enqueue('a');
    await enqueue('b');
    await start(async ({ id }) => {
      runs.push(id);
      if (id === 'a') block(BLOCK_MS);
      // The check that reports the stall would also abort an attempt whose lease is lost.
      await stalled;
    });
    await done;
    expect(runs).toEqual(['a', 'b']);
  });

  test('gives up the lease of a handler that blocks the event loop for too long, and work goes on', async () => {
    const lost = nextEvent(events, 'lease.lost');
    const done = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'succeeded');
    let runs = 0;
    await start(
      async (_, { signal }) => {
        runs += 1;
        if (runs > 1) return;
        block(4_000);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
      { maxStall: 2_000 },
    );
    await enqueue();
    expect(await lost).toMatchObject({ cause: 'stalled' });
    expect(await done).toMatchObject({ attempt: 2 });
    const task = await record();
    expect(task).toMatchObject({ state: 'completed', crashes: 1 });
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
  });
});
