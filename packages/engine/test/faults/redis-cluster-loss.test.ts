import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test, type TestContext } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect, type ConnectOptions } from '../../src/connect.ts';
import { Worker } from '../../src/worker/worker.ts';
import { aTask } from '../support/factories.ts';
import { fastClock } from '../support/fast-clock.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { hasRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

async function setUp({ onTestFinished }: TestContext, options?: ConnectOptions) {
  const cluster = await startCluster(3, ['--cluster-require-full-coverage', 'no']);
  onTestFinished(() => cluster.stop());
  const broker = await connect(cluster.url, options);
  onTestFinished(() => broker.close());
  return { cluster, broker };
}

// Concurrent, because they wait most of the time.
describe.skipIf(!hasRedis())('in a cluster that has lost a master for good', { concurrent: true }, () => {
  test('the queues on the other masters are maintained as before', async (context) => {
    const { cluster, broker } = await setUp(context, { runtime: { clock: fastClock } });
    const [first, , last] = cluster.nodes;
    const [alive, dead] = [await cluster.queueOn(first!), await cluster.queueOn(last!)];
    const tasks = [alive, dead].map((queue) => aTask({ queue, delayMs: 1 }));
    expect(await broker.submit.enqueue(tasks)).toMatchObject([{ code: 'created' }, { code: 'created' }]);
    const steps = [dead, alive].map((queue) => ({ queue, limit: 10 }));
    expect(await broker.maintain.expire(steps)).toEqual([0, 0]);
    await last!.server.stop();
    const [ofDead, ofAlive] = await broker.maintain.forward(steps);
    expect(ofDead).toEqual({ moved: 0, nextDueMs: null, nextInMs: null });
    expect(ofAlive).toMatchObject({ moved: 1 });
    const recovered = await broker.maintain.recover(steps, POISON_LIMITS);
    expect(recovered).toEqual(steps.map(() => ({ recovered: 0, archived: 0, orphans: [] })));
    const onDeadOnly = broker.maintain.forward([{ queue: dead, limit: 10 }]);
    await expect(onDeadOnly).rejects.toMatchObject({ code: 'broker-unavailable' });
  });

  test('a worker that cannot finish its tasks there goes on with the queues on the other masters', async (context) => {
    const { cluster, broker } = await setUp(context);
    // The first node also gets the commands that any node can serve.
    const [first, second] = cluster.nodes;
    const [alive, dead] = [await cluster.queueOn(second!), await cluster.queueOn(first!)];
    const ends: (() => void)[] = [];
    const seen = new Set<string>();
    let finishCalls = 0;
    const consume: Broker['consume'] = {
      ...broker.consume,
      exchange(call, options) {
        if (call.finishes.length > 0) finishCalls += 1;
        return broker.consume.exchange(call, options);
      },
    };
    const worker = new Worker(
      { ...broker, consume },
      { queues: [dead, alive], concurrency: 4, shutdownTimeout: 0 },
    );
    worker.handle('*', async ({ id, queue }) => {
      if (queue === dead) {
        await new Promise<void>((resolve) => ends.push(resolve));
      }
      seen.add(id);
    });
    context.onTestFinished(() => worker.stop());
    await broker.submit.enqueue([
      ...['d1', 'd2'].map((id) => aTask({ id, queue: dead })),
      aTask({ id: 'a1', queue: alive }),
    ]);
    await worker.start();
    await context.expect.poll(() => [ends.length, seen.size]).toEqual([2, 1]);
    await first!.server.stop();
    // One after the other: then two calls hang.
    for (const end of ends) {
      const before = finishCalls;
      end();
      await until(() => finishCalls > before);
    }
    await broker.submit.enqueue([aTask({ id: 'a2', queue: alive })]);
    await context.expect.poll(() => seen.has('a2'), { timeout: 20_000 }).toBe(true);
  });
});
