import { describe, expect, test } from 'vitest';
import type { LeasedTask } from '../../src/broker/consume.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import {
  end,
  factsOf,
  idsOf,
  LEASE_MS,
  LEASE_OVER_MS,
  LIMITS,
  recordOf,
  take,
  takeOne,
  type Bench,
  type Harness,
} from './harness.ts';

const STEPS = [{ queue: 'default', limit: 256 }] as const;

function extending(harness: Harness): void {
  test('a renewed lease outlives its first expiry', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    const [a] = await take(bench);
    expect(await bench.recoverAfter(LEASE_MS - 2_000, STEPS)).toEqual([
      { recovered: 0, archived: 0, orphans: [] },
    ]);
    expect(await bench.broker.consume.extend([a!], LEASE_MS)).toEqual([true]);
    expect(await bench.recoverAfter(LEASE_MS - 1_000, STEPS)).toEqual([
      { recovered: 1, archived: 0, orphans: [] },
    ]);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'active', crashes: 0 });
    expect(await recordOf(bench, 'b')).toMatchObject({ state: 'pending', crashes: 1 });
    expect(await end(bench, finish.succeeded(a!))).toEqual(['accepted']);
  });

  test('a renewed lease keeps its token, and expires when it is not renewed again', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    const a = await takeOne(bench);
    for (let n = 0; n < 3; n += 1) expect(await bench.broker.consume.extend([a], LEASE_MS)).toEqual([true]);
    expect(await bench.recoverAfter(LEASE_OVER_MS, STEPS)).toEqual([
      { recovered: 1, archived: 0, orphans: [] },
    ]);
    expect(await bench.broker.consume.extend([a], LEASE_MS)).toEqual([false]);
  });

  test('each lease in a call gets its own answer', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([
      ...manyTasks(3, 't'),
      aTask({ id: 'h', queue: 'high' }),
      aTask({ id: 'waits', queue: 'low' }),
    ]);
    const [t0, t1, t2] = await take(bench);
    const h = await takeOne(bench, { queues: ['high'] });
    await end(bench, finish.succeeded(t1!));
    const leases = [
      t0!,
      { ...t2!, token: (t2!.token % 999_999) + 1 },
      t1!,
      h,
      { ...h, id: 'never-was' },
      { ...h, queue: 'low', id: 'waits' },
      t2!,
    ];
    expect(await bench.broker.consume.extend(leases, LEASE_MS)).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    expect(await bench.broker.consume.extend([], LEASE_MS)).toEqual([]);
  });
}

function recovering(harness: Harness): void {
  test('only expired leases are recovered, and none of them early', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'short' }), aTask({ id: 'long' })]);
    await take(bench, { room: 1, leaseMs: LEASE_MS });
    await take(bench, { room: 1, leaseMs: 3 * LEASE_MS });
    expect(await bench.recoverAfter(LEASE_MS - 1, STEPS)).toEqual([
      { recovered: 0, archived: 0, orphans: [] },
    ]);
    expect(await bench.recoverAfter(1_001, STEPS)).toEqual([{ recovered: 1, archived: 0, orphans: [] }]);
    expect(await recordOf(bench, 'short')).toMatchObject({ state: 'pending', crashes: 1 });
    expect(await recordOf(bench, 'long')).toMatchObject({ state: 'active', crashes: 0 });
  });

  test('a recovered task is the next to run, as a new attempt that counts no retry', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' }), aTask({ id: 'b' })]);
    const first = await takeOne(bench, { worker: 'worker-1' });
    const startedMs = bench.now();
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'pending', crashes: 1, retried: 0, attempt: 1 });
    expect(record.attempts).toMatchObject([{ number: 1, outcome: 'lost', startedMs, worker: 'worker-1' }]);
    const [again, next] = await take(bench, { worker: 'worker-2' });
    expect([again?.id, next?.id]).toEqual(['a', 'b']);
    expect(again).toMatchObject({ attempt: 2, crashes: 1, retried: 0 });
    expect(again?.token).not.toBe(first.token);
  });

  test('a task that was lost too often is archived as poison, whatever ran beside it', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    for (let loss = 1; loss < LIMITS.losses; loss += 1) {
      await takeOne(bench);
      expect(await bench.recoverAfter(LEASE_OVER_MS, STEPS)).toEqual([
        { recovered: 1, archived: 0, orphans: [] },
      ]);
    }
    await takeOne(bench);
    expect(await bench.recoverAfter(LEASE_OVER_MS, STEPS)).toEqual([
      { recovered: 0, archived: 1, orphans: [] },
    ]);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'archived', crashes: LIMITS.losses, retried: 0 });
    expect(record.lastError?.message).toBe(`poison: lost its worker ${LIMITS.losses} times`);
    expect(record.attempts.map(({ outcome }) => outcome)).toEqual(Array(LIMITS.losses).fill('lost'));
    expect(await take(bench)).toEqual([]);
  });

  test('a lost attempt changes no counter, and a task that is archived for its losses counts as failed', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    for (let loss = 1; loss <= LIMITS.losses; loss += 1) {
      expect(await factsOf(bench)).toMatchObject({ processed: 0, failed: 0 });
      await takeOne(bench);
      await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    }
    expect(await factsOf(bench)).toMatchObject({ processed: 1, failed: 1 });
  });

  test('crashes and retries are counted separately', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    await takeOne(bench);
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    await end(bench, finish.retry(await takeOne(bench), 0));
    await bench.broker.maintain.forward(STEPS);
    expect(await takeOne(bench)).toMatchObject({ attempt: 3, crashes: 1, retried: 1 });
    expect((await recordOf(bench, 'a')).attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'failed']);
  });

  test('recovery handles every queue that it is given, and no other', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(['a', 'b', 'c'].map((queue) => aTask({ id: queue, queue })));
    await take(bench, { queues: ['a', 'b', 'c'] });
    const steps = ['a', 'empty', 'b'].map((queue) => ({ queue, limit: 10 }));
    const outcomes = await bench.recoverAfter(LEASE_OVER_MS, steps);
    expect(outcomes.map(({ recovered }) => recovered)).toEqual([1, 0, 1]);
    expect(await recordOf(bench, 'c', 'c')).toMatchObject({ state: 'active' });
  });

  test('many tasks are recovered in bounded steps', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(12, 't'));
    await take(bench);
    const limited = [{ queue: 'default', limit: 5 }];
    await bench.recoverAfter(LEASE_MS - 1, limited);
    await bench.advance(1_001);
    const moved: number[] = [];
    for (let call = 0; call < 4; call += 1) {
      const [outcome] = await bench.broker.maintain.recover(limited, LIMITS);
      moved.push(outcome?.recovered ?? -1);
    }
    expect(moved).toEqual([5, 5, 2, 0]);
    expect(idsOf(await take(bench)).sort()).toEqual(idsOf(manyTasks(12, 't')).sort());
  });

  test('after a pause of the broker live workers can renew their leases before tasks are recovered', async () => {
    const bench = await harness.openBench();
    const { broker } = bench;
    await broker.submit.enqueue([aTask({ id: 'live' }), aTask({ id: 'dead' })]);
    const [live] = await take(bench, { room: 2 });
    await bench.recoverAfter(750, STEPS);
    await bench.advance(60_000);
    expect(await broker.maintain.recover(STEPS, LIMITS)).toEqual([
      { recovered: 0, archived: 0, orphans: [] },
    ]);
    expect(await broker.consume.extend([live!], LEASE_MS)).toEqual([true]);
    expect(await bench.recoverAfter(3_500, STEPS)).toEqual([{ recovered: 1, archived: 0, orphans: [] }]);
    expect(await recordOf(bench, 'dead')).toMatchObject({ state: 'pending', crashes: 1 });
    expect(await recordOf(bench, 'live')).toMatchObject({ state: 'active', crashes: 0 });
  });

  test('two concurrent recoverers recover each task once', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(20, 't'));
    await take(bench);
    await bench.recoverAfter(LEASE_MS - 1, STEPS);
    await bench.advance(1_001);
    const both = await Promise.all([
      bench.broker.maintain.recover(STEPS, LIMITS),
      bench.broker.maintain.recover(STEPS, LIMITS),
    ]);
    expect(both.flat().reduce((sum, { recovered }) => sum + recovered, 0)).toBe(20);
    expect((await take(bench)).map(({ crashes }) => crashes)).toEqual(Array.from({ length: 20 }, () => 1));
  });
}

/** Takes the first task and loses its worker, while the task runs alone or not. */
async function lose(bench: Bench, isAlone: boolean): Promise<void> {
  const task = await takeOne(bench);
  if (isAlone) expect(await bench.broker.consume.markAlone(task, true)).toBe(true);
  await bench.recoverAfter(LEASE_OVER_MS, STEPS);
}

/** Tasks that run alone in their worker: docs/design/engine.md#crash-isolation. */
function runningAlone(harness: Harness): void {
  async function benchWithTask(): Promise<Bench> {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
    return bench;
  }

  test('the loss of a task that ran alone is a crash, and as many in a row make it poison', async () => {
    const bench = await benchWithTask();
    await lose(bench, false);
    await lose(bench, true);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', crashes: 2 });
    await lose(bench, true);
    const record = await recordOf(bench, 'a');
    expect(record).toMatchObject({ state: 'archived', crashes: 3 });
    expect(record.lastError?.message).toBe('poison: lost its worker 3 times, 2 times while it ran alone');
  });

  test('a loss in company is no crash, even when it comes after crashes', async () => {
    const bench = await benchWithTask();
    await lose(bench, true);
    await lose(bench, false);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', crashes: 2 });
    await lose(bench, true);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'archived', crashes: 3 });
  });

  test('a task that has survived is not blamed for its earlier crashes', async () => {
    const bench = await benchWithTask();
    await lose(bench, true);
    const survivor = await takeOne(bench);
    await bench.broker.consume.markAlone(survivor, true);
    expect(await bench.broker.consume.markAlone(survivor, false)).toBe(true);
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    await lose(bench, true);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', crashes: 3 });
  });

  test('a mark is that of its attempt, not of the next one', async () => {
    const bench = await benchWithTask();
    for (const back of [finish.requeue, (task: LeasedTask) => finish.retry(task, 0)]) {
      const task = await takeOne(bench);
      await bench.broker.consume.markAlone(task, true);
      await end(bench, back(task));
      await bench.broker.maintain.forward(STEPS);
    }
    for (let i = 0; i < LIMITS.crashes; i += 1) await lose(bench, false);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', crashes: LIMITS.crashes });
  });

  test('a mark under a lease that is lost is refused', async () => {
    const bench = await benchWithTask();
    const lost = await takeOne(bench);
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    await takeOne(bench);
    expect(await bench.broker.consume.markAlone(lost, true)).toBe(false);
    expect(await bench.broker.consume.markAlone({ queue: 'none', id: 'a', token: 1 }, true)).toBe(false);
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    await lose(bench, true);
    expect(await recordOf(bench, 'a')).toMatchObject({ state: 'pending', crashes: 3 });
  });

  test('a task that ran alone when its worker was lost is the first to run again', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue(manyTasks(4, 't'));
    const tasks = await take(bench, { room: 3 });
    await bench.broker.consume.markAlone(tasks[1]!, true);
    await bench.recoverAfter(LEASE_OVER_MS, STEPS);
    const [first] = idsOf(await take(bench));
    expect(first).toBe(tasks[1]!.id);
  });
}

export function leaseSuite(harness: Harness): void {
  describe('leases', () => {
    extending(harness);
    recovering(harness);
    runningAlone(harness);
  });
}
