import { describe, expect, test } from 'vitest';
import { SET_MS } from '../../src/broker/groups.ts';
import type { QueueTotals } from '../../src/broker/totals.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import {
  end,
  exchange,
  factsOf,
  forward,
  LEASE_OVER_MS,
  LIMITS,
  startedOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const STEPS = [{ queue: 'default', limit: 256 }];
const NOW = { graceMs: 0, maxDelayMs: 0, maxSize: 0 };
const ref = (id: string) => ({ queue: 'default', id });

/** The totals that are not 0. The attempts that were started must add up. */
async function totalsOf(bench: Bench, queue = 'default'): Promise<Partial<QueueTotals>> {
  const facts = await factsOf(bench, queue);
  expect(facts.totals.started).toBe(startedOf(facts));
  return Object.fromEntries(Object.entries(facts.totals).filter(([, count]) => count > 0));
}

/** A bench with pending tasks, `a` first. */
async function withPending(harness: Harness, ...ids: readonly string[]): Promise<Bench> {
  const bench = await harness.openBench();
  await bench.broker.submit.enqueue(['a', ...ids].map((id) => aTask({ id })));
  return bench;
}

type Case = readonly [name: string, run: (bench: Bench) => Promise<unknown>, totals: Partial<QueueTotals>];

/** What happens to the task `a`, which is pending, and what that adds to `enqueued: 1`. */
const CASES: readonly Case[] = [
  ['a start', (bench) => take(bench), { started: 1 }],
  [
    'a success',
    async (bench) => end(bench, finish.succeeded(await takeOne(bench))),
    { started: 1, succeeded: 1 },
  ],
  [
    'a failure that is retried',
    async (bench) => end(bench, finish.retry(await takeOne(bench), 1_000)),
    { started: 1, failed: 1, retried: 1 },
  ],
  [
    'an error that does not count as a failure',
    async (bench) => end(bench, finish.retry(await takeOne(bench), 1_000, false)),
    { started: 1, uncounted: 1, retried: 1 },
  ],
  [
    'a failure for good',
    async (bench) => end(bench, finish.archive(await takeOne(bench))),
    { started: 1, failed: 1, archived: 1 },
  ],
  [
    'a task that its handler revokes',
    async (bench) => end(bench, finish.revoked(await takeOne(bench))),
    { started: 1, revoked: 1 },
  ],
  [
    'an attempt that is given back',
    async (bench) => end(bench, finish.requeue(await takeOne(bench))),
    { started: 1, deferred: 1 },
  ],
  [
    'an attempt that is deferred',
    async (bench) => end(bench, finish.defer(await takeOne(bench), 1_000)),
    { started: 1, deferred: 1 },
  ],
  [
    'an attempt that is lost',
    async (bench) => {
      await takeOne(bench);
      await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    },
    { started: 1, recovered: 1 },
  ],
  [
    'attempts that are lost until their task is poison',
    async (bench) => {
      for (let n = 0; n < LIMITS.losses; n += 1) {
        await takeOne(bench);
        await bench.recoverAfter(LEASE_OVER_MS, STEPS);
      }
    },
    { started: LIMITS.losses, recovered: LIMITS.losses - 1, failed: 1, archived: 1 },
  ],
  ['a cancelled task that waited', (bench) => bench.broker.control.cancel(ref('a'), {}), { cancelled: 1 }],
  [
    'a task that is cancelled while it runs',
    async (bench) => {
      const task = await takeOne(bench);
      await bench.broker.control.cancel(ref('a'), {});
      await bench.broker.control.cancel(ref('a'), {});
      await end(bench, finish.retry(task, 1_000));
    },
    { started: 1, cancelled: 1, cancelledRunning: 1 },
  ],
  [
    'a task that is cancelled while it runs, and given back',
    async (bench) => {
      const task = await takeOne(bench);
      await bench.broker.control.cancel(ref('a'), {});
      await end(bench, finish.requeue(task));
    },
    { started: 1, cancelled: 1, cancelledRunning: 1 },
  ],
  [
    'a task that is cancelled while it runs, and lost',
    async (bench) => {
      await takeOne(bench);
      await bench.broker.control.cancel(ref('a'), {});
      await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    },
    { started: 1, cancelled: 1, cancelledRunning: 1 },
  ],
  [
    'a success after the request to cancel',
    async (bench) => {
      const task = await takeOne(bench);
      await bench.broker.control.cancel(ref('a'), {});
      await end(bench, finish.succeeded(task));
    },
    { started: 1, succeeded: 1 },
  ],
  ['a task that an operator archives', (bench) => bench.broker.control.archive(ref('a')), { archived: 1 }],
  [
    'an archived task that is run again: it is not new',
    async (bench) => {
      await bench.broker.control.archive(ref('a'));
      await bench.broker.control.run(ref('a'));
      await end(bench, finish.succeeded(await takeOne(bench)));
    },
    { archived: 1, started: 1, succeeded: 1 },
  ],
  ['a task that is removed: that is no end', (bench) => bench.broker.control.remove(ref('a')), {}],
];

function singleTasks(harness: Harness): void {
  test.each(CASES)('count %s', async (_, run, added) => {
    const bench = await withPending(harness);
    await run(bench);
    expect(await totalsOf(bench)).toEqual({ enqueued: 1, ...added });
  });

  test('count all of a call at once, each queue for itself', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      ...manyTasks(5, 't'),
      aTask({ id: 'later', delayMs: 60_000 }),
      aTask({ id: 'member', group: 'g' }),
      aTask({ id: 'other', queue: 'other' }),
    ]);
    const tasks = await take(bench, { queues: ['default', 'other'] });
    const [t0, t1, t2, t3, t4] = tasks;
    const finishes = [
      finish.succeeded(t0!),
      finish.retry(t1!, 0),
      finish.retry(t2!, 0),
      finish.requeue(t3!),
      finish.archive(t4!),
    ];
    // What is given back is taken again by the same call.
    await exchange(bench, { finishes });
    expect(await totalsOf(bench)).toEqual({
      enqueued: 7,
      started: 6,
      succeeded: 1,
      failed: 3,
      retried: 2,
      archived: 1,
      deferred: 1,
    });
    expect(await totalsOf(bench, 'other')).toEqual({ enqueued: 1, started: 1 });
    expect(await totalsOf(bench, 'never used')).toEqual({});
  });

  test('count nothing for what is refused', async () => {
    const bench = await withPending(harness);
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'u', uniqueMs: 60_000, type: 'u' })]);
    await bench.broker.submit.enqueue([aTask({ id: 'u2', uniqueMs: 60_000, type: 'u' })]);
    const [a] = await take(bench);
    await bench.broker.consume.extend([a!], 5_000);
    await end(bench, finish.retry(a!, 1_000), finish.retry(a!, 1_000));
    expect(await end(bench, finish.archive(a!))).toEqual(['lease-lost']);
    await bench.broker.control.archive(ref('none'));
    await bench.broker.control.archive(ref('u'));
    expect(await totalsOf(bench)).toEqual({ enqueued: 2, started: 2, failed: 1, retried: 1 });
  });
}

function manyTasksAtOnce(harness: Harness): void {
  test('count what the forwarder moves as nothing new', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ delayMs: 1_000 }), aTask({ delayMs: 1_000, group: 'g' })]);
    await bench.advance(1_000);
    await forward(bench);
    expect(await totalsOf(bench)).toEqual({ enqueued: 2 });
  });

  test('count bulk actions', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(10, 't'));
    const change = { queue: 'default', limit: 4 } as const;
    await bench.broker.control.changeMany({ ...change, action: 'archive', state: 'pending' });
    await bench.broker.control.changeMany({ ...change, action: 'run', state: 'archived', limit: 2 });
    await bench.broker.control.changeMany({ ...change, action: 'remove', state: 'pending' });
    expect(await totalsOf(bench)).toEqual({ enqueued: 10, archived: 4 });
  });

  test('count the task that is made of a group, and its members', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(3, 'm', { group: 'g' }));
    const [set] = (await bench.broker.groups.take('default', NOW, 1, null)).sets;
    const content = await bench.broker.groups.read(set!);
    const refused = await bench.broker.groups.finish(set!, content!, aTask({ id: 'm0' }));
    expect(refused).toMatchObject({ code: 'task-exists' });
    await bench.broker.groups.finish(set!, content!, aTask({ id: 'made' }));
    expect(await totalsOf(bench)).toEqual({ enqueued: 4 });
  });

  test('count a member that is archived, because no set with it was aggregated', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ group: 'g' })]);
    for (let n = 0; n < 3; n += 1) {
      const [set] = (await bench.broker.groups.take('default', NOW, 1, null)).sets;
      await bench.broker.groups.fail(set!, 'planned error');
      await bench.advance(SET_MS);
      await bench.broker.groups.reclaim(STEPS);
    }
    expect(await totalsOf(bench)).toEqual({ enqueued: 1, archived: 1 });
  });

  test('begin anew with a queue that was removed', async () => {
    const bench = await withPending(harness, 'b');
    await end(bench, ...(await take(bench)).map((task) => finish.succeeded(task)));
    expect(await bench.broker.control.dropQueue('default')).toBe(true);
    expect(await totalsOf(bench)).toEqual({});
    await bench.broker.submit.enqueue([aTask()]);
    expect(await totalsOf(bench)).toEqual({ enqueued: 1 });
  });
}

/** What `QueueFacts.totals` counts. That sequences of calls add up is a test of the model (test/model). */
export function totalsSuite(harness: Harness): void {
  describe('totals of a queue', () => {
    singleTasks(harness);
    manyTasksAtOnce(harness);
  });
}
