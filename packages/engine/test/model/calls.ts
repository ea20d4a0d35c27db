import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countsOf, factsOf, startedOf, idsOf, type Bench, type Harness } from '../conformance/harness.ts';
import { redisHarness } from '../conformance/redis-harness.ts';
import { sqliteHarness } from '../conformance/sqlite-harness.ts';
import { fsck } from '../../src/control/fsck.ts';
import { hasRedis } from '../support/redis-server.ts';
import { Model } from './model.ts';
import { operations, QUEUES, type Operation, type Pair } from './operations.ts';

/** The seed of a failed run, which it has printed, repeats that run. */
const SEED = process.env.TASKCENTER_TEST_SEED;

function modelCounts(model: Model, queue: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const task of model.tasks.values()) {
    if (task.queue === queue) counts[task.state] = (counts[task.state] ?? 0) + 1;
  }
  return counts;
}

async function compareQueue(bench: Bench, model: Model, queue: string): Promise<void> {
  expect(await countsOf(bench, queue)).toEqual(modelCounts(model, queue));
  const { paused, processed, failed, pending, totals } = model.queue(queue);
  const facts = await factsOf(bench, queue);
  expect(facts).toMatchObject({ paused, processed, failed, totals });
  expect(facts.totals.started).toBe(startedOf(facts));
  const list = { queue, state: 'pending', limit: 100, cursor: null } as const;
  const ids = idsOf((await bench.broker.inspect.list(list)).tasks);
  for (const group of pending) {
    expect(ids.splice(0, group.length).sort()).toEqual([...group].sort());
  }
  expect(ids).toEqual([]);
}

async function compareTasks(bench: Bench, model: Model): Promise<void> {
  for (const { queue, id, state, retried, crashes, deferrals, attempt, dueMs } of model.tasks.values()) {
    const waits = state === 'scheduled' || state === 'retry';
    expect(await bench.broker.inspect.task({ queue, id })).toMatchObject({
      state,
      retried,
      crashes,
      deferrals,
      attempt,
      dueMs: waits ? dueMs : null,
    });
  }
}

async function agree(harness: Harness, steps: readonly Operation[]): Promise<void> {
  const bench = await harness.openBench();
  await bench.advance(1_000 - (bench.now() % 1_000));
  const pair: Pair = { bench, model: new Model(bench.now()), leases: [] };
  for (const step of steps) await step.run(pair);
  for (const queue of QUEUES) await compareQueue(bench, pair.model, queue);
  await compareTasks(bench, pair.model);
  expect(await fsck(bench.broker, { pause: 0 })).toMatchObject({ findings: [] });
  await bench.close();
}

function modelTest(harness: Harness, numRuns: number): void {
  test(
    `the ${harness.name} broker agrees with the model on any sequence of calls`,
    { timeout: 120_000 },
    async () => {
      const property = fc.asyncProperty(operations, (steps) => agree(harness, steps));
      await fc.assert(property, { numRuns, ...(SEED === undefined ? {} : { seed: Number(SEED) }) });
    },
  );
}

/** @param numRuns sequences of calls on each broker */
export function testCalls(numRuns: number): void {
  describe('model', () => {
    describe.skipIf(!hasRedis())('beside Redis', () => modelTest(redisHarness(), numRuns));
    describe('beside SQLite', () => modelTest(sqliteHarness(), numRuns));
  });
}
