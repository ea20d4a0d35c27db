import { describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { EnqueueOutcome, NewTask } from '../../../src/broker/submit.ts';
import { Client } from '../../../src/client/client.ts';
import { aTask, manyTasks } from '../../support/factories.ts';
import { folder, open } from './open.ts';

const PAYLOAD = Buffer.alloc(262_144, 'x');

const openBroker = async (): Promise<Broker> => open((await folder()).file('tasks.db'));

const isStored = (broker: Broker, { queue, id }: NewTask) =>
  broker.inspect.task({ queue, id }).then((record) => record !== null);

/** Checks that outcomes which are certain are true. Returns how many tasks there are of each. */
async function check(broker: Broker, tasks: readonly NewTask[], outcomes: readonly EnqueueOutcome[]) {
  const counts: Record<string, number> = {};
  for (const [i, task] of tasks.entries()) {
    const outcome = outcomes[i]!;
    const certain =
      outcome.code === 'failed' ? String(Reflect.get(outcome.error.details, 'outcome')) : outcome.code;
    counts[certain] = (counts[certain] ?? 0) + 1;
    // One in 20: a look takes longer than the storing.
    if (certain !== 'unknown' && i % 20 === 0)
      expect([task.id, await isStored(broker, task)]).toEqual([task.id, certain === 'created']);
  }
  return counts;
}

describe('more than the writer takes at once', () => {
  test('in one call is stored whole: it goes on when there is room', async () => {
    const broker = await openBroker();
    const tasks = Array.from({ length: 300 }, (_, i) => ({ task: 't', id: `t${i}`, payload: PAYLOAD }));
    expect(await new Client(broker).enqueueMany(tasks)).toHaveLength(300);
    expect((await broker.inspect.queueFacts(['default']))[0]?.counts.pending).toBe(300);
  });

  test('in many calls at once: each task says whether it is stored', async () => {
    const broker = await openBroker();
    const calls = Array.from({ length: 40 }, (_, n) =>
      manyTasks(300, `c${n}-`, { payload: PAYLOAD.subarray(0, 8_192) }),
    );
    const ended = await Promise.allSettled(calls.map((tasks) => broker.submit.enqueue(tasks)));
    let created = 0;
    for (const [n, call] of ended.entries()) {
      if (call.status === 'fulfilled')
        created += (await check(broker, calls[n]!, call.value))['created'] ?? 0;
      else {
        expect(call.reason).toMatchObject({ details: { outcome: 'not_stored' } });
        expect(await isStored(broker, calls[n]![0]!)).toBe(false);
      }
    }
    expect((await broker.inspect.queueFacts(['default']))[0]?.counts.pending).toBe(created);
    // Nothing is left over that would refuse later calls.
    expect(await broker.submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
  });
});

test('a task that cannot be encoded fails alone', async () => {
  const broker = await openBroker();
  const broken = aTask({ meta: { callback: { toJSON: () => BigInt(1) } } as unknown as NewTask['meta'] });
  const outcomes = await broker.submit.enqueue([aTask(), broken, aTask()]);
  expect(outcomes.map(({ code }) => code)).toEqual(['created', 'broker-corrupt', 'created']);
});
