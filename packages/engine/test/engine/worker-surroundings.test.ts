import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/connect.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { Worker } from '../../src/worker/worker.ts';
import { redisKind, sqliteKind } from '../support/brokers.ts';
import { fastClock } from '../support/fast-clock.ts';
import { nextEvents } from '../support/next-event.ts';
import { freePort, startRedis } from '../support/redis-server.ts';

describe('handlers by pattern', () => {
  test('are chosen by the exact type first, then by the longest prefix, then the one for all types', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const events = new Events();
    const worker = new Worker(broker, { concurrency: 1, runtime: { events } });
    onTestFinished(async () => {
      await worker.stop();
      await store.remove();
    });
    const seen: string[] = [];
    for (const pattern of ['*', 'email:*', 'email:send', 'email:send:*']) {
      worker.handle(pattern, ({ type }) => void seen.push(`${pattern} ${type}`));
    }
    const types = ['email:send', 'email:send:now', 'email:sends', 'email:', 'emai', '*'];
    const ends = nextEvents(events, 'attempt.finished', types.length);
    await worker.start();
    await new Client(broker).enqueueMany(types.map((task) => ({ task })));
    await ends;
    expect(seen).toEqual([
      'email:send email:send',
      'email:send:* email:send:now',
      'email:* email:sends',
      'email:* email:',
      '* emai',
      '* *',
    ]);
  });
});

describe('a type that is only a prefix of a pattern', () => {
  test('has no handler, so its attempt fails with an error that names the type', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const events = new Events();
    const worker = new Worker(broker, { runtime: { events } }).handle('email:send*', () => {});
    onTestFinished(async () => {
      await worker.stop();
      await store.remove();
    });
    const ends = nextEvents(events, 'attempt.finished', 2);
    await worker.start();
    await new Client(broker).enqueueMany([
      { task: 'email:', id: 'a' },
      { task: 'email:send', id: 'b' },
    ]);
    const outcomes = (await ends).map(({ task, outcome }) => `${task.id} ${outcome}`);
    expect(outcomes.sort()).toEqual(['a failed', 'b succeeded']);
    const { lastError } = (await broker.inspect.task({ queue: 'default', id: 'a' })) ?? {};
    expect(lastError?.message).toContain('email:');
  });
});

describe.skipIf(!redisKind.available)('a broker that comes and goes', () => {
  /** Time limits are over sooner; `refused` resolves when an attempt to connect has failed and another is to come. */
  function impatient() {
    let tell = () => {};
    const refused = new Promise<void>((resolve) => (tell = resolve));
    return { refused, runtime: { clock: fastClock, log: { ...silentLog, warn: tell } } };
  }

  test('connect with a signal goes on trying until Redis is there', async () => {
    const server = await startRedis();
    await server.kill();
    const { signal } = new AbortController();
    const { refused, runtime } = impatient();
    const connecting = connect(server.url, { signal, runtime });
    await refused;
    await server.restart();
    const broker = await connecting;
    await broker.ping();
    await broker.close();
    await server.stop();
  });

  test('connect gives up when its signal aborts', async () => {
    const controller = new AbortController();
    const { refused, runtime } = impatient();
    const url = `redis://127.0.0.1:${await freePort()}`;
    const connecting = connect(url, { signal: controller.signal, runtime });
    await refused;
    controller.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'broker-unavailable' });
  });

  test('the health check says at its interval whether the broker answers', async () => {
    const store = await redisKind.createStore();
    const broker = await store.connect();
    let down = false;
    const faulty = { ...broker, ping: () => (down ? Promise.reject(new Error('gone')) : broker.ping()) };
    onTestFinished(() => store.remove());
    /** A worker, and what its checks say. */
    async function start() {
      const told: unknown[] = [];
      let heard = () => {};
      const report = (error: unknown) => {
        told.push(error);
        heard();
      };
      const hears = async (count: number) => {
        while (told.length < count) await new Promise<void>((resolve) => (heard = resolve));
      };
      const worker = new Worker(faulty, { healthCheck: { everyMs: 30, report } }).handle('x', () => {});
      onTestFinished(() => worker.stop());
      await worker.start();
      return { worker, told, hears };
    }
    const { worker, told, hears } = await start();
    await hears(2);
    down = true;
    await hears(told.length + 2);
    expect(told.slice(0, 2)).toEqual([null, null]);
    expect(told.at(-1)).toMatchObject({ message: 'gone' });
    await worker.stop();
    const count = told.length;
    // Meanwhile one that has stopped would have been heard, too.
    await (await start()).hears(3);
    expect(told).toHaveLength(count);
  });
});
