import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test, type TestContext } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect } from '../../src/connect.ts';
import { Worker } from '../../src/worker/worker.ts';
import { aTask } from '../support/factories.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { hasRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

async function setUp({ onTestFinished }: TestContext) {
  const cluster = await startCluster(3, ['--cluster-require-full-coverage', 'no']);
  onTestFinished(() => cluster.stop());
  const broker = await connect(cluster.url);
  onTestFinished(() => broker.close());
  return { cluster, broker };
}

// Concurrent, because they wait most of the time.
describe.skipIf(!hasRedis())('in a cluster that has lost a master for good', { concurrent: true }, () => {
  test('the queues on the other masters are maintained as before', async (context) => {
    const { cluster, broker } = await setUp(context);
    const [first, , last] = cluster.nodes;
    const [alive, dead] = [await cluster.queueOn(first!), await cluster.queueOn(last!)];
    const tasks = [alive, dead].map((queue) => aTask({ queue, delayMs: 1 }));
    expect(await broker.submit.enqueue(tasks)).toMatchObject([{ code: 'created' }, { code: 'created' }]);
    const steps = [dead, alive].map((queue) => ({ queue, limit: 10 }));
    expect(await broker.maintain.expire(steps)).toEqual([0, 0]);
    await last!.server.stop();
    const { maintain } = broker;
    // Side by side, as each waits in vain for the dead one.
    const [[ofDead, ofAlive], recovered, onDeadOnly] = await Promise.all([
      maintain.forward(steps),
      maintain.recover(steps, POISON_LIMITS),
      maintain.forward([{ queue: dead, limit: 10 }]).catch((error: unknown) => error),
    ]);
    expect(ofDead).toEqual({ moved: 0, nextDueMs: null, nextInMs: null, lateMs: 0 });
    expect(ofAlive).toMatchObject({ moved: 1 });
    expect(recovered).toEqual(steps.map(() => ({ recovered: 0, archived: 0, orphans: [] })));
    expect(onDeadOnly).toMatchObject({ code: 'broker-unavailable' });
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
