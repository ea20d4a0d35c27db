import { setImmediate as nextLoopTurn } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { connect } from '../../src/connect.ts';
import { Worker } from '../../src/worker/worker.ts';
import { expectKept, Load, MAX_CALLS, waitForAcknowledged } from '../support/load.ts';
import { hasRedis, startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

/** A load on a Redis of its own. */
async function startLoad({ onTestFinished }: TestContext) {
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  onTestFinished(() => redis.stop());
  const broker = await connect(redis.url);
  onTestFinished(() => broker.close());
  const load = new Load(broker);
  onTestFinished(() => load.stop());
  await load.start();
  await waitForAcknowledged(load, 500);
  return { redis, broker, load };
}

/**
 * Resolves when not only the calls under way at the fault have failed, but also later ones. By then every lease has
 * ended.
 */
const secondCallsFailed = (load: Load): Promise<void> =>
  until(() => load.doubtful.size + load.refused.size > MAX_CALLS);

// Concurrent, because they wait most of the time.
describe.skipIf(!hasRedis())('a Redis that goes away under load', { concurrent: true }, () => {
  test('and is stopped: calls end within 5 s with a clear error, and later everything goes on by itself', async (context) => {
    const { redis, broker, load } = await startLoad(context);
    redis.pause();
    await secondCallsFailed(load);
    redis.resume();
    await waitForAcknowledged(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });

  test('and is down amid tasks that succeed, fail and wait: each task ends as it should', async (context) => {
    const { redis, broker, load } = await startLoad(context);
    const worker = new Worker(broker, { queues: ['mixed'], concurrency: 5 });
    const failed = new Set<string>();
    worker.handle('ok', () => nextLoopTurn());
    worker.handle('once', ({ id }) => {
      if (failed.has(id)) return;
      failed.add(id);
      throw new Error('the first time');
    });
    worker.handle('bad', () => Promise.reject(new Error('each time')));
    const client = new Client(broker);
    const backoff = { kind: 'fixed', delay: 500, jitter: 0 } as const;
    const kinds = ['ok', 'once', 'bad'];
    const common = { queue: 'mixed', retention: '1h', backoff, maxRetries: 2 } as const;
    const tasks = Array.from({ length: 90 }, (_, i) => ({
      ...common,
      task: kinds[i % 3] as string,
      delay: (i % 9) * 500,
    }));
    await worker.start();
    await client.enqueueMany(tasks);
    await redis.kill();
    await expect(broker.ping()).rejects.toMatchObject({ code: 'broker-unavailable' });
    await redis.restart();
    const facts = async () => (await broker.inspect.queueFacts(['mixed']))[0]?.counts;
    await until(
      async () => ((await facts())?.completed ?? 0) + ((await facts())?.archived ?? 0) === 90,
      30_000,
    );
    expect(await facts()).toMatchObject({ completed: 60, archived: 30, pending: 0, retry: 0, active: 0 });
    await worker.stop();
    await load.stopProducing();
  });

  test('and is killed and started again: nothing acknowledged is lost', async (context) => {
    const { redis, broker, load } = await startLoad(context);
    await redis.kill();
    await secondCallsFailed(load);
    await redis.restart();
    await waitForAcknowledged(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });
});
