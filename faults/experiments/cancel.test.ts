// Cancelling tasks that run.
import { expect } from 'vitest';
import { Inspector } from '@task-center/engine';
import { experiment } from '../harness/experiment.ts';
import { until } from '../harness/history.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';

experiment(
  'N7',
  {
    title: 'running tasks are cancelled while no message gets through, and half of their workers are killed',
    tier: 1,
    on: ['redis'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    const count = run.times(20, 200);
    // Each attempt fails, and would be retried.
    const tasks = [{ payload: { ms: 6_000, ignoreAbort: true, fail: 9 }, options: { maxRetries: 9 } }];
    await run.fleet({
      workers: 2,
      // Each of the two runs half of the tasks.
      work: { concurrency: count / 2 },
      producers: 1,
      produce: { tasks, count, perSecond: 1_000 },
    });
    const started = () => run.lines().flatMap((line) => (line.e === 'start' ? [line.id] : []));
    await until(() => started().length === count, { what: 'all tasks run' });
    const ids = new Set(started());
    const admin = await rawRedis(run.bed.server.port);
    run.cleanUp(() => admin.close());
    const broker = await run.bed.connect();
    const inspector = new Inspector(broker);
    run.fault('no rights to publish or subscribe');
    // Redis closes the connections of subscribers that have lost the right.
    await admin.call('ACL', 'SETUSER', 'default', 'resetchannels');
    const cancel = (id: string) => inspector.tasks.cancel({ queue: 'default', id }, { by: 'N7' });
    expect(new Set(await Promise.all([...ids].map(cancel)))).toEqual(new Set(['requested']));
    const victim = run.random.pick(run.workers);
    await victim.kill();
    await admin.call('ACL', 'SETUSER', 'default', 'allchannels');
    run.heal('all channels are allowed');
    // A worker without the right would not start.
    await run.startAgain(victim);
    await run.finish();
    expect(started().length, 'attempts: nothing starts a cancelled task again').toBe(ids.size);
    for (const id of ids)
      expect(await broker.inspect.task({ queue: 'default', id })).toMatchObject({
        state: 'cancelled',
        cancelled: { by: 'N7' },
      });
    run.fact('cancelled', ids.size);
  },
);
