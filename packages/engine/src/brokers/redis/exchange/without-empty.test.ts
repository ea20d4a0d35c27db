import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../../../../test/support/fake-clock.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { Fetched } from '../scripts/consume/exchange.ts';
import { QueuesWithTasks } from './without-empty.ts';

const QUEUES = Array.from({ length: 5_000 }, (_, i) => `q${i}`);

const taken = (queue: string, count: number): Fetched => ({
  queue,
  token: 1,
  rows: Array.from({ length: count }, () => ({}) as Fetched['rows'][number]),
  dropped: [],
  left: 0,
  corrupt: null,
});

describe('a search for the queues that have tasks', () => {
  let clock: FakeClock;
  /** Queues with tasks. */
  let full: Set<string>;
  let calls: number;
  let search: QueuesWithTasks;
  const fetchOf = (queues: readonly string[], room: number) => ({
    queues,
    room,
    leaseMs: 6_000,
    worker: 'w',
  });
  const found = async (room = 10) => (await search.narrow(fetchOf(QUEUES, room))).queues;

  beforeEach(() => {
    clock = createFakeClock();
    full = new Set(['q7', 'q300', 'q4999']);
    calls = 0;
    const client = {
      isClustered: false,
      command: ([, ...keys]: readonly string[]) => {
        calls += 1;
        return Promise.resolve(keys.some((key) => full.has(/\{(.*)\}/.exec(key)?.[1] ?? '')) ? 1 : 0);
      },
      run: (_: unknown, { queues }: { queues: readonly string[] }) =>
        Promise.resolve(queues.filter((queue) => full.has(queue))),
    } as unknown as RedisClient;
    search = new QueuesWithTasks(client, clock);
  });

  test('serves the fetches of the next 20 ms, in the order of the list', async () => {
    expect(await found()).toEqual(['q7', 'q300', 'q4999']);
    const once = calls;
    for (let fetch = 0; fetch < 20; fetch += 1) {
      clock.skip(0.9);
      expect(await found()).toHaveLength(3);
    }
    expect(calls).toBe(once);
    full.add('q1');
    clock.skip(20);
    expect(await found()).toEqual(['q1', 'q7', 'q300', 'q4999']);
  });

  test('forgets the queues that a fetch has emptied, and is made again when none is left', async () => {
    await found();
    search.onFetched(fetchOf(['q7', 'q300', 'q4999'], 3), [taken('q7', 1), taken('q300', 2)]);
    expect(await found()).toEqual(['q300', 'q4999']);
    full = new Set(['q3']);
    search.onFetched(fetchOf(['q300', 'q4999'], 3), [taken('q300', 1)]);
    expect(await found()).toEqual(['q3']);
  });

  test('is made anew for another list', async () => {
    await found();
    expect((await search.narrow(fetchOf([...QUEUES].reverse(), 10))).queues).toEqual(['q4999', 'q300', 'q7']);
  });
});
