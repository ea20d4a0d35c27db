import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../../src/client/client.ts';
import { Events } from '../../../src/runtime/events.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { nextEvent } from '../../support/next-event.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

const CHANNEL = 'asynq:cancel';

describe.runIf(hasRedis())('cancellations on Redis', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let broker: Broker;
  let aborter: AbortController;

  beforeEach(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
    broker = await connectRedis({ url: redis.url });
    aborter = new AbortController();
  });
  afterEach(async () => {
    aborter.abort();
    await broker.close();
    raw.close();
    await redis.stop();
  });

  const subscribers = async (): Promise<number> =>
    Number(((await raw.call('PUBSUB', 'NUMSUB', CHANNEL)) as unknown[])[1]);
  const publish = (id: string): Promise<unknown> => raw.call('PUBLISH', CHANNEL, id);

  /** Listens; resolves to a function that gives the next ID received. */
  async function listen(): Promise<() => Promise<string>> {
    const received: string[] = [];
    let wake = () => {};
    const listener = (id: string) => {
      received.push(id);
      wake();
    };
    await broker.signals.onCancelled(listener, aborter.signal);
    return async () => {
      while (received.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return received.shift() as string;
    };
  }

  test('a bare ID that a foreign program publishes is received', async () => {
    const next = await listen();
    expect(await publish('foreign: ü')).toBe(1);
    expect(await next()).toBe('foreign: ü');
  });

  test('all listeners share one subscription, and its connection also wakes workers', async () => {
    const [first, second] = [await listen(), await listen()];
    const wait = broker.signals.waitForWork(['a'], aborter.signal);
    expect(await publish('id')).toBe(1);
    expect([await first(), await second()]).toEqual(['id', 'id']);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait;
    const clients = String(await raw.call('CLIENT', 'LIST'))
      .trim()
      .split('\n');
    // The connection of this test, that for calls, and the subscribed one.
    expect(clients).toHaveLength(3);
  });

  test('a killed subscription is made again', async () => {
    const next = await listen();
    await raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await expect.poll(subscribers, { interval: 5, timeout: 20_000 }).toBe(1);
    await publish('later');
    expect(await next()).toBe('later');
  });

  test('the subscription is made again after a restart of Redis', async () => {
    const next = await listen();
    await redis.restart();
    raw.close();
    raw = await rawRedis(redis.port);
    await expect.poll(subscribers, { interval: 5, timeout: 20_000 }).toBe(1);
    await broker.signals.cancel(['again']);
    expect(await next()).toBe('again');
  });

  test('a worker whose user has no right to the channel works, and subscribes once the right is granted', async () => {
    await raw.call('ACL', 'SETUSER', 'poor', 'on', '>pw', '~*', '+@all', 'resetchannels');
    const poor = await connectRedis({
      url: `redis://poor:pw@127.0.0.1:${redis.port}`,
      runtime: { log: silentLog },
      allow: ['rights'],
    });
    const events = new Events();
    const done = nextEvent(events, 'attempt.finished');
    const worker = new Worker(poor, { runtime: { events, log: silentLog } }).handle('x', () => {});
    await worker.start();
    await new Client(broker).enqueue('x', null, { id: 'a' });
    expect(await done).toMatchObject({ outcome: 'succeeded' });
    expect(await subscribers()).toBe(0);
    await raw.call('ACL', 'SETUSER', 'poor', `&${CHANNEL}`);
    await expect.poll(subscribers, { interval: 50, timeout: 20_000 }).toBe(1);
    await worker.stop();
    await poor.close();
  });

  test('a worker starts while Redis is down, and subscribes when it is up', async () => {
    await redis.kill();
    const events = new Events();
    const worker = new Worker(broker, { runtime: { events, log: silentLog } });
    await worker.handle('x', () => new Promise(() => {})).start();
    await redis.restart();
    raw.close();
    raw = await rawRedis(redis.port);
    await expect.poll(subscribers, { interval: 5, timeout: 20_000 }).toBe(1);
    const [started, done] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
    await new Client(broker).enqueue('x', null, { id: 'a' });
    await started;
    await publish('a');
    expect(await done).toMatchObject({ outcome: 'failed' });
    await worker.stop();
  });
});
