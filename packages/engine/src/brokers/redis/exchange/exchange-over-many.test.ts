import { expect, test } from 'vitest';
import { createFakeClock } from '../../../../test/support/fake-clock.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { QueueFinishes } from '../scripts/consume/exchange.ts';
import { NO_REPLY, type Send } from './exchange-by-queue.ts';
import { sendOverMany } from './exchange-over-many.ts';
import { QueuesWithTasks } from './without-empty.ts';

const QUEUES = Array.from({ length: 200 }, (_, i) => `q${i}`);
const FETCH = { queues: QUEUES, room: 10, leaseMs: 6_000, worker: 'w' };
const FINISHES = [{ queue: 'q1', plain: [], others: [] }] as unknown as QueueFinishes[];

/** The exchange, after a search that has found a queue. Its broker answers no more searches. */
async function exchangeBeforeOutage() {
  let isDown = false;
  const client = {
    isClustered: false,
    command: () => (isDown ? Promise.reject(new Error('the connection was closed')) : Promise.resolve(1)),
    run: () => Promise.resolve(['q7']),
  } as unknown as RedisClient;
  const withTasks = new QueuesWithTasks(client, createFakeClock());
  await withTasks.narrow(FETCH);
  isDown = true;
  const send: Send = (finishes) => Promise.resolve({ ...NO_REPLY, codes: finishes.length > 0 ? 'D' : '' });
  return sendOverMany(send, withTasks);
}

test('finishes that were accepted do not fail because the search for more tasks does', async () => {
  const exchange = await exchangeBeforeOutage();
  expect(await exchange(FINISHES, FETCH)).toEqual({ codes: 'D', fetched: [] });
});

test('an exchange that hands nothing in fails with the search', async () => {
  const exchange = await exchangeBeforeOutage();
  await expect(exchange([], FETCH)).rejects.toThrow('the connection was closed');
});
