import { setImmediate as nextLoopTurn } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../../src/client/client.ts';
import { aTask } from '../../support/factories.ts';
import { fastClock } from '../../support/fast-clock.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { rawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

/** A server of its own, with a broker and with a connection for the test's own commands. */
async function setUp({ onTestFinished }: TestContext) {
  const redis = await startRedis();
  const raw = await rawRedis(redis.port);
  const broker = await connectRedis({ url: redis.url });
  onTestFinished(async () => {
    redis.resume();
    await broker.close();
    raw.close();
    await redis.stop();
  });
  return { redis, raw, broker };
}

/** How long a call takes that must fail, ms. */
async function failingMs(call: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await expect(call).rejects.toMatchObject({ code: 'broker-unavailable' });
  return performance.now() - startedMs;
}

describe.runIf(hasRedis())('while Redis does not answer', () => {
  test.concurrent('each of many submissions in a row ends within 5 s', async (context) => {
    const { redis, broker } = await setUp(context);
    const client = new Client(broker);
    await client.enqueue('x');
    redis.pause();
    const calls: Promise<number>[] = [];
    for (let i = 0; i < 30; i += 1) {
      calls.push(failingMs(client.enqueue('x', i)));
      // Submissions in one turn of the event loop would share a call.
      await nextLoopTurn();
    }
    expect(Math.max(...(await Promise.all(calls)))).toBeLessThan(5_500);
  });

  test.concurrent(
    'more batches for one queue than it has receipt slots all end within 5 s',
    async (context) => {
      const { redis, broker } = await setUp(context);
      redis.pause();
      const calls = Array.from({ length: 40 }, () => failingMs(broker.submit.enqueue([aTask()])));
      expect(Math.max(...(await Promise.all(calls)))).toBeLessThan(5_500);
    },
  );

  test('calls that wait in vain for a receipt have certainly stored nothing; beyond 10,000 a call is refused at once', async (context) => {
    const { redis, broker } = await setUp(context);
    await broker.submit.enqueue([aTask()]);
    redis.pause();
    const startedMs = performance.now();
    const calls = Array.from({ length: 10_100 }, () =>
      broker.submit.enqueue([aTask()]).catch((error: unknown) => error),
    );
    expect(await calls.at(-1)).toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored' },
    });
    const refusedMs = performance.now() - startedMs;
    const errors = await Promise.all(calls);
    expect(refusedMs).toBeLessThan((performance.now() - startedMs) / 2);
    const outcomes = errors.map((error) => (error as { details: { outcome: string } }).details.outcome);
    expect(outcomes.filter((outcome) => outcome !== 'not_stored').length).toBeLessThan(200);
  });

  test('a call whose reply was lost ends as unknown, not as refused, when its user was deleted meanwhile', async (context) => {
    const { redis, raw, broker } = await setUp(context);
    await raw.call('ACL', 'SETUSER', 'u', 'on', '>p', '~*', '&*', '+@all');
    const proxy = await startFaultProxy(redis.port);
    const { port } = new URL(proxy.url);
    const brokerOfUser = await connectRedis({
      url: `redis://u:p@127.0.0.1:${port}`,
      runtime: { clock: fastClock },
    });
    try {
      const cut = proxy.cutReply(({ name }) => name.startsWith('EVAL'));
      const call = brokerOfUser.submit.enqueue([aTask({ id: 'a' })]).catch((error: unknown) => error);
      await cut;
      proxy.swallow(true);
      await raw.call('ACL', 'DELUSER', 'u');
      proxy.swallow(false);
      expect(await call).toMatchObject({ code: 'broker-unavailable', details: { outcome: 'unknown' } });
      expect(await broker.inspect.task({ queue: 'default', id: 'a' })).not.toBeNull();
      await expect(brokerOfUser.ping()).rejects.toMatchObject({ code: 'broker-refused' });
    } finally {
      await brokerOfUser.close();
      await proxy.close();
    }
  });

  test('a watch whose connection was lost while nobody waited wakes the next waiter', async (context) => {
    const { raw, broker } = await setUp(context);
    const reads = async () => {
      const stats = String(await raw.call('INFO', 'commandstats'));
      return Number(/cmdstat_exists:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const idle = new AbortController();
    const first = broker.signals.waitForWork(['default'], idle.signal);
    await until(async () => (await reads()) >= 2);
    await raw.call('PING');
    idle.abort();
    await first;
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    // This call uses a new connection. By its reply the client has noticed the end of the old ones.
    await broker.ping();
    const before = await reads();
    const woken = broker.signals.waitForWork(['default'], new AbortController().signal);
    await until(async () => (await reads()) >= before + 2);
    await broker.submit.enqueue([aTask()]);
    await woken;
  });
});
