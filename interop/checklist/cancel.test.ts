import { describe, expect } from 'vitest';
import { Inspector } from '../../packages/engine/src/index.ts';
import { nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { startAsynqmon, tasksPath } from '../support/asynqmon.ts';
import { interopBed, item, until } from '../support/bed.ts';
import { cli } from '../support/cli.ts';

const CANCELLED = 'context canceled';

describe('cancellation', () => {
  const bed = interopBed();

  /** Starts tasks in a worker of ours that is subscribed to cancellations. */
  async function running(queue: string, ids: readonly string[]) {
    const { worker, events } = bed.worker({ queues: [queue] });
    const aborted: unknown[] = [];
    worker.handle(
      'x',
      (_, { signal }) =>
        new Promise(() => signal.addEventListener('abort', () => aborted.push(signal.reason))),
    );
    const started = nextEvents(events, 'attempt.started', ids.length);
    const ended = nextEvents(events, 'attempt.finished', ids.length);
    for (const id of ids) await bed.client.enqueue('x', null, { queue, id });
    await worker.start();
    await started;
    await until(
      async () => Number(((await bed.ask('PUBSUB', 'NUMSUB', 'asynq:cancel')) as unknown[])[1]) > 0,
    );
    return { ended, aborted };
  }

  async function expectCancelled(queue: string, id: string): Promise<void> {
    expect(await bed.go().task(queue, id)).toMatchObject({ state: 'retry', retried: 1, lastErr: CANCELLED });
    expect(await bed.score(queue, 'retry', id)).toBeGreaterThan(0);
  }

  item('44 Go → us: `asynq task cancel` aborts our handler, and the task is retried', async () => {
    const queue = bed.queue();
    const id = `${queue}-a`;
    const { ended, aborted } = await running(queue, [id]);
    const said = await cli(bed.redis.address, 'task', 'cancel', id);
    expect(said).toContain(`Sent cancelation signal for task ${id}`);
    expect(await ended).toMatchObject([{ outcome: 'failed', task: { id } }]);
    expect(aborted).toEqual([expect.objectContaining({ message: CANCELLED })]);
    await expectCancelled(queue, id);
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
  });

  item("44 Go → us: Go's inspector aborts our handler, and the task is retried", async () => {
    const queue = bed.queue();
    const id = `${queue}-a`;
    const { ended, aborted } = await running(queue, [id]);
    await bed.go().inspect('cancel', { task: id });
    expect(await ended).toMatchObject([{ outcome: 'failed', task: { id } }]);
    expect(aborted).toHaveLength(1);
    await expectCancelled(queue, id);
  });

  item('45 us → Go: our cancel stops the task in a Go server, and no other', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 }, concurrency: 5, behaviours: { x: { do: 'hang' } } });
    const [a, b] = [`${queue}-a`, `${queue}-b`];
    for (const id of [a, b]) await bed.client.enqueue('x', null, { queue, id });
    await go.sawMany('started', 2);
    expect(await new Inspector(bed.broker).tasks.cancel({ queue, id: a }, { by: 'ops' })).toBe('requested');
    expect(await go.saw('failed', a)).toMatchObject({ error: CANCELLED });
    await until(async () => (await go.task(queue, a)).state === 'retry');
    await expectCancelled(queue, a);
    expect(await go.task(queue, b)).toMatchObject({ state: 'active' });
  });

  item('96 us → Go: asynqmon cancels active tasks of ours: one, some, all', async () => {
    const queue = bed.queue();
    const [one, two, three, four, five] = [1, 2, 3, 4, 5].map((n) => `${queue}-${n}`) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const ids = [one, two, three, four, five];
    const { ended } = await running(queue, ids);
    const stateOf = async (id: string) => (await bed.broker.inspect.task({ queue, id }))?.state;
    const becomeRetry = (...retried: string[]) =>
      until(async () => (await Promise.all(retried.map(stateOf))).every((state) => state === 'retry'));
    const mon = await startAsynqmon(bed.redis.address);
    const path = tasksPath(queue, 'active');
    await mon.post(`${path}/${one}:cancel`);
    await becomeRetry(one);
    expect(await mon.tasks(queue, 'active')).toHaveLength(4);
    const answer = await mon.post<{ canceled_ids: string[] }>(`${path}:batch_cancel`, {
      task_ids: [two, three],
    });
    expect(answer.canceled_ids).toEqual([two, three]);
    await becomeRetry(two, three);
    expect(await mon.tasks(queue, 'active')).toHaveLength(2);
    await mon.post(`${path}:cancel_all`);
    expect((await ended).map(({ outcome }) => outcome)).toEqual(Array(5).fill('failed'));
    await expectCancelled(queue, five);
  });
});
