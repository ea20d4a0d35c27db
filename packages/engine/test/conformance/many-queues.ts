import { describe, expect, test } from 'vitest';
import { aTask, finish } from '../support/factories.ts';
import { end, exchange, idsOf, LEASE_MS, LIMITS, takeOne, type Bench, type Harness } from './harness.ts';

/** More than the calls that a broker accepts at a time. */
const MANY = 10_001;
/** More than one call takes. */
const SOME = 600;
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `q${i}`);
const enqueue = ({ broker }: Bench, ...queues: readonly string[]) =>
  broker.submit.enqueue(queues.map((queue) => aTask({ id: `of-${queue}`, queue })));

function reading(harness: Harness): void {
  test('figures of more queues than there may be calls come in their order', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, 'q17', 'q9999');
    const names = namesOf(MANY);
    const facts = await bench.broker.inspect.queueFacts(names);
    expect(facts.map(({ queue }) => queue)).toEqual(names);
    const used = facts.filter(({ counts }) => counts.pending > 0);
    expect(used.map(({ queue }) => queue)).toEqual(['q17', 'q9999']);
    expect(facts[0]).toMatchObject({ paused: false, processed: 0, oldestPendingMs: null });
  });

  test('a task is found by its ID in any of these queues', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      aTask({ id: 'same', queue: 'q9998' }),
      aTask({ id: 'b.same', queue: 'q300', meta: { business: 'b' } }),
      aTask({ id: 'same', queue: 'q300' }),
    ]);
    const found = await bench.broker.inspect.find(namesOf(MANY), 'same', { any: true });
    expect(found.map(({ queue, business }) => [queue, business])).toEqual([
      ['q300', null],
      ['q300', 'b'],
      ['q9998', null],
    ]);
  });

  test('an exchange takes from many queues in their order, and keeps to the room', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, 'q3', 'q255', 'q256', 'q599');
    const queues = namesOf(SOME);
    const first = await exchange(bench, { queues, room: 3 });
    expect(idsOf(first.tasks)).toEqual(['of-q3', 'of-q255', 'of-q256']);
    const finishes = first.tasks.map((task) => finish.succeeded(task));
    const second = await exchange(bench, { queues, room: 3, finishes });
    expect(second.finished).toEqual(['accepted', 'accepted', 'accepted']);
    expect(idsOf(second.tasks)).toEqual(['of-q599']);
    const last = await exchange(bench, {
      queues,
      finishes: second.tasks.map((task) => finish.succeeded(task)),
    });
    expect(last).toMatchObject({ finished: ['accepted'], tasks: [] });
  });

  test('an exchange with shares gives each of many queues its own', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(
      ['q2', 'q400'].flatMap((queue) => [1, 2, 3].map((n) => aTask({ id: `${queue}-${n}`, queue }))),
    );
    const queues = namesOf(SOME);
    const shares = queues.map((queue) => (queue === 'q2' ? 1 : queue === 'q400' ? 2 : 0));
    const { tasks } = await exchange(bench, { queues, shares, room: 3 });
    expect(idsOf(tasks).sort()).toEqual(['q2-1', 'q400-1', 'q400-2']);
  });

  test('more queues with tasks than fit into a call are all served', async () => {
    const bench = await harness.openBench();
    const queues = namesOf(300);
    await enqueue(bench, ...queues);
    const taken: string[] = [];
    for (let call = 0; call < 10; call += 1) taken.push(...idsOf((await exchange(bench, { queues })).tasks));
    expect(taken).toEqual(queues.map((queue) => `of-${queue}`));
  });
}

function surveying(harness: Harness): void {
  test('a survey tells which of many queues have leases, and when their next tasks are due', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, 'q1', 'q300');
    await bench.broker.submit.enqueue([
      aTask({ queue: 'q300', delayMs: 5_000 }),
      aTask({ queue: 'q599', delayMs: 1_000 }),
    ]);
    await takeOne(bench, { queues: ['q300'] });
    await bench.advance(1_500);
    const found = await bench.broker.maintain.survey(namesOf(SOME));
    expect(found).toHaveLength(SOME);
    const now = bench.now();
    const idle = { isLeased: false, nextDueMs: null, nextInMs: null, isUntidy: false };
    expect(found[1]).toMatchObject(idle);
    expect(found[300]).toMatchObject({ isLeased: true, nextDueMs: now + 3_500, nextInMs: 3_500 });
    expect(found[599]).toMatchObject({ isLeased: false, nextDueMs: now - 500, nextInMs: 0 });
    expect(found.filter((queue) => queue?.isLeased || queue?.nextDueMs !== null)).toHaveLength(2);
  });

  test('a retry counts as due, and a finished task as no lease', async () => {
    const bench = await harness.openBench();
    await enqueue(bench, 'a', 'b');
    const again = await takeOne(bench, { queues: ['a'] });
    const done = await takeOne(bench, { queues: ['b'] });
    await end(bench, finish.retry(again, 2_000), finish.succeeded(done));
    expect(await bench.broker.maintain.survey(['a', 'b'])).toMatchObject([
      { isLeased: false, nextInMs: 2_000 },
      { isLeased: false, nextInMs: null },
    ]);
  });

  test('queues with expired tasks are found among many', async () => {
    const bench = await harness.openBench();
    for (const [queue, retentionMs] of [
      ['q5', 60_000],
      ['q400', 1_000],
    ] as const) {
      await bench.broker.submit.enqueue([aTask({ queue, retentionMs })]);
      await end(bench, finish.succeeded(await takeOne(bench, { queues: [queue] })));
    }
    const names = namesOf(SOME);
    expect(await bench.broker.maintain.findUntidy(names)).toEqual([]);
    await bench.advance(3_000);
    expect(await bench.broker.maintain.findUntidy(names)).toEqual(['q400']);
    await bench.broker.maintain.expire([{ queue: 'q400', limit: 256 }]);
    expect(await bench.broker.maintain.findUntidy(names)).toEqual([]);
  });
}

function recovering(harness: Harness): void {
  const step = { queue: 'default', limit: 100 };

  /** A queue that was scanned once, long ago, and then a lease that has just ended. */
  async function openWithExpiredLease(): Promise<{ bench: Bench; surveyedMs: number }> {
    const bench = await harness.openBench();
    await enqueue(bench, 'default');
    await bench.broker.maintain.recover([step], LIMITS);
    await bench.advance(60_000);
    const [surveyed] = await bench.broker.maintain.survey(['default']);
    await takeOne(bench, { leaseMs: LEASE_MS });
    return { bench, surveyedMs: surveyed!.atMs };
  }

  test('a queue that a survey found idle is no queue whose broker stood still', async () => {
    const { bench, surveyedMs } = await openWithExpiredLease();
    await bench.advance(2_000);
    const idleAtMs = surveyedMs;
    await bench.broker.maintain.recover([{ ...step, idleAtMs }], LIMITS);
    const recovered = await bench.recoverAfter(LEASE_MS, [step]);
    expect(recovered).toMatchObject([{ recovered: 1 }]);
  });

  test('a survey that is older than a stall does not hide it', async () => {
    const { bench, surveyedMs } = await openWithExpiredLease();
    // As after a stall: no scan, and the lease looks expired when the broker is back.
    await bench.advance(LEASE_MS + 2_000);
    const stepAfterStall = { ...step, idleAtMs: surveyedMs };
    expect(await bench.broker.maintain.recover([stepAfterStall], LIMITS)).toMatchObject([{ recovered: 0 }]);
    await bench.advance(2_000);
    expect(await bench.broker.maintain.recover([stepAfterStall], LIMITS)).toMatchObject([{ recovered: 0 }]);
    expect(await bench.recoverAfter(700, [step])).toMatchObject([{ recovered: 1 }]);
  });

  test('a recent survey lets a scan take back a lease that has expired', async () => {
    const { bench } = await openWithExpiredLease();
    await bench.advance(LEASE_MS + 2_000);
    const [{ atMs } = { atMs: 0 }] = (await bench.broker.maintain.survey(['other'])) as { atMs: number }[];
    const recovered = await bench.broker.maintain.recover([{ ...step, idleAtMs: atMs }], LIMITS);
    expect(recovered).toMatchObject([{ recovered: 1 }]);
  });
}

/** What callers of many queues see: most of them are idle. */
export function manyQueuesSuite(harness: Harness): void {
  describe('many queues', () => {
    reading(harness);
    surveying(harness);
    recovering(harness);
  });
}
