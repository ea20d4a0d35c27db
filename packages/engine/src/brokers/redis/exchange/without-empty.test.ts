import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../../../../test/support/fake-clock.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { Fetched, QueueFinishes } from '../scripts/consume/exchange.ts';
import { NO_REPLY, type Send } from './exchange-by-queue.ts';
import { QueuesWithTasks, sendOverMany } from './without-empty.ts';

const QUEUES = Array.from({ length: 5_000 }, (_, i) => `q${i}`);
/** They are asked whatever a search has found. */
const FIRST = QUEUES.slice(0, 8);

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
  const narrowed = async (queues: readonly string[] = QUEUES) =>
    (await search.narrow(fetchOf(queues, 10))).queues;
  /** What a search has found behind the first queues. */
  const found = async () => (await narrowed()).slice(FIRST.length);

  beforeEach(() => {
    clock = createFakeClock();
    full = new Set(['q70', 'q300', 'q4999']);
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

  test('serves the fetches of the next 250 ms, in the order of the list', async () => {
    expect(await found()).toEqual(['q70', 'q300', 'q4999']);
    const once = calls;
    for (let fetch = 0; fetch < 20; fetch += 1) {
      clock.skip(12);
      expect(await found()).toHaveLength(3);
    }
    expect(calls).toBe(once);
    full.add('q10');
    clock.skip(250);
    expect(await found()).toEqual(['q10', 'q70', 'q300', 'q4999']);
  });

  test('never hides a new task of the first queues', async () => {
    expect(await narrowed()).toEqual([...FIRST, 'q70', 'q300', 'q4999']);
    full = new Set(['q2', 'q4999']);
    clock.skip(251);
    expect(await narrowed()).toEqual([...FIRST, 'q4999']);
  });

  test('that finds nothing has nothing to ask', async () => {
    full.clear();
    expect(await narrowed()).toEqual([]);
  });

  test('asks as many queues as fit into an exchange', async () => {
    full = new Set(QUEUES);
    expect(await narrowed()).toEqual(QUEUES.slice(0, 128));
  });

  test('forgets the queues that a fetch has emptied, and is made again when none is left', async () => {
    await found();
    search.onFetched(fetchOf(['q70', 'q300', 'q4999'], 3), [taken('q70', 1), taken('q300', 2)]);
    expect(await found()).toEqual(['q300', 'q4999']);
    full = new Set(['q30']);
    search.onFetched(fetchOf(['q300', 'q4999'], 3), [taken('q300', 1)]);
    expect(await found()).toEqual(['q30']);
  });

  test('is made anew for another list', async () => {
    await found();
    const reversed = [...QUEUES].reverse();
    expect(await narrowed(reversed)).toEqual([...reversed.slice(0, 8), 'q300', 'q70']);
  });
});

const FETCH_OF_MANY = { queues: QUEUES.slice(0, 200), room: 10, leaseMs: 6_000, worker: 'w' };
const FINISHES = [{ queue: 'q1', plain: [], others: [] }] as unknown as QueueFinishes[];

/** The exchange, after a search that has found a queue. Its broker answers no more searches. */
async function exchangeBeforeOutage() {
  let isDown = false;
  const client = {
    isClustered: false,
    command: () => (isDown ? Promise.reject(new Error('the connection was closed')) : Promise.resolve(1)),
    run: () => Promise.resolve(['q7']),
  } as unknown as RedisClient;
  const search = new QueuesWithTasks(client, createFakeClock());
  await search.narrow(FETCH_OF_MANY);
  isDown = true;
  const send: Send = (finishes) => Promise.resolve({ ...NO_REPLY, codes: finishes.length > 0 ? 'D' : '' });
  return sendOverMany(send, search);
}

test('finishes that were accepted do not fail because the search for more tasks does', async () => {
  const exchange = await exchangeBeforeOutage();
  expect(await exchange(FINISHES, FETCH_OF_MANY)).toEqual({ codes: 'D', fetched: [] });
});

test('an exchange that hands nothing in fails with the search', async () => {
  const exchange = await exchangeBeforeOutage();
  await expect(exchange([], FETCH_OF_MANY)).rejects.toThrow('the connection was closed');
});
