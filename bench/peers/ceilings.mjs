import { createClient } from '@redis/client';
import { openFrozen } from '../ceilings/frozen.mjs';
import { openOurs } from '../ceilings/ours.mjs';

const BARE =
  'all calls are bytes before the clock starts, replies are counted and not read; as our worker, two calls under way that each carry half of the concurrency (bulk: four calls of 256)';

/** The limit of our scripts. The difference to our own figures is the cost of the client code around them. */
export const ceilingOurs = {
  name: 'Ceiling: our scripts',
  setup: `the very scripts and arguments of our broker; ${BARE}.`,
  store: 'redis',
  ceiling: true,
  open: openOurs,
};

/** The limit of Redis. Our share of this ceiling cannot be improved by slow scripts of our own. */
export const ceilingFrozen = {
  name: 'Ceiling: minimal scripts',
  setup: `frozen scripts that do only what Asynq’s layout needs, without receipts, fencing and history; ${BARE}.`,
  store: 'redis',
  ceiling: true,
  open: openFrozen,
};

/** A list in Redis and a worker that waits for it: the fastest pickup that this machine allows. */
async function openList({ redis }) {
  const url = redis.url;
  const client = await createClient({ url }).connect();
  const next = async (waiter) => JSON.parse((await waiter.blPop('bench', 0)).element);
  return {
    enqueue: (payload) => client.lPush('bench', JSON.stringify(payload)),
    async work(_, onTask) {
      const waiter = await createClient({ url }).connect();
      const worker = (async () => {
        for (;;) onTask(await next(waiter));
      })().catch(() => {});
      return async () => {
        waiter.destroy();
        await worker;
      };
    },
    close: async () => client.destroy(),
  };
}

/** The lowest latency of an idle worker on this machine: one push and one wake-up of the blocked client. */
export const ceilingList = {
  name: 'Ceiling: LPUSH and BLPOP',
  module: import.meta.url,
  setup:
    'a bare list: a task is pushed by one command, and a worker that waits at the list is handed it. No lease, no record, nothing to end; only in the scenario of latency.',
  store: 'redis',
  ceiling: true,
  only: 'latency',
  open: openList,
};
