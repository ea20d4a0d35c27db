import { expect, onTestFinished, test } from 'vitest';
import type { Groups } from '../../src/broker/groups.ts';
import { Events } from '../../src/runtime/events.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import { createAggregator } from '../../src/worker/aggregate/aggregator.ts';
import type { AggregationOptions } from '../../src/worker/aggregate/rules.ts';
import { aTask } from '../support/factories.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';

const MAX_CONCURRENT = 3;

/** Starts an aggregator on a broker with ripe groups by queue; every call for a queue with null fails. */
function startAggregator(ripe: Record<string, string[] | null>, aggregate: AggregationOptions['aggregate']) {
  const clock = createFakeClock();
  const events = new Events();
  const log = { ...silentLog, error: (fields: object) => void logged.push(fields) };
  const runtime = createRuntime({ clock, events, log });
  const begun: string[] = [];
  const failures: unknown[] = [];
  /** Errors that were counted, by group; null = not counted. */
  const failed: [group: string, error: string | null][] = [];
  const pauses: (number | undefined)[] = [];
  const logged: object[] = [];
  events.on('group.failed', ({ error }) => failures.push(error));
  const groups: Groups = {
    async take(queue, _rules, limit) {
      const names = ripe[queue];
      if (!names) throw new Error(`${queue} fails`);
      const sets = names.splice(0, limit).map((group) => ({ queue, group, id: group, size: 0 }));
      return { sets, checked: sets.length, next: null };
    },
    // A set must have a task, or the aggregate function is not called.
    read: async () => ({ tasks: [{ id: 'a', meta: {} } as never], unreadable: [], source: null }),
    finish: async ({ group }) =>
      group === 'duplicate'
        ? { code: 'duplicate-task', holder: null }
        : { code: 'created', state: 'pending', dueMs: 0 },
    async fail({ group }, error, pauseMs) {
      failed.push([group, error]);
      pauses.push(pauseMs);
      return { code: 'retry', pauseMs: 5_000 };
    },
    reclaim: async () => [],
  };
  const aggregator = createAggregator(
    {
      aggregate(set) {
        begun.push(set.group);
        return aggregate(set);
      },
    },
    { broker: { groups }, runtime, prepare: async () => aTask(), queues: () => Object.keys(ripe) },
  );
  aggregator.start();
  onTestFinished(async () => {
    aggregator.abort();
    const stopped = aggregator.stop();
    await clock.advance(10_000);
    await stopped;
  });
  return { clock, begun, failures, failed, pauses, logged, aggregator };
}

test('every queue is served, however many groups of another one are ripe', async () => {
  const ends: (() => void)[] = [];
  const { begun } = startAggregator(
    { busy: ['b1', 'b2', 'b3', 'b4', 'b5'], other: ['o1'] },
    () => new Promise((resolve) => ends.push(() => resolve({ task: 'x' }))),
  );
  onTestFinished(() => ends.forEach((end) => end()));
  await settle();
  expect(begun).toEqual(['b1', 'b2', 'b3']);
  ends[0]?.();
  await settle();
  expect(begun.slice(MAX_CONCURRENT)).toEqual(['o1']);
});

test('a queue that fails does not stop the others', async () => {
  const { begun } = startAggregator({ broken: null, other: ['o1'] }, () => ({ task: 'x' }));
  await settle();
  expect(begun).toEqual(['o1']);
});

test('an aggregator that never ends blocks nothing once its time is over, and its failure is told in time', async () => {
  const { clock, begun, failures, failed } = startAggregator({ q: ['g1', 'g2', 'g3', 'g4'] }, ({ group }) =>
    group === 'g4' ? { task: 'x' } : new Promise<never>(() => {}),
  );
  await settle();
  expect(begun).toEqual(['g1', 'g2', 'g3']);
  await clock.advance(117_000);
  expect(failures).toEqual([]);
  // Before the set's 120 s are over: from then on the broker counts the worker as lost.
  await clock.advance(1_500);
  expect(failures).toHaveLength(MAX_CONCURRENT);
  expect(failed).toEqual(['g1', 'g2', 'g3'].map((group) => [group, 'aggregate took too long']));
  expect(begun.slice(MAX_CONCURRENT)).toEqual(['g4']);
});

test('a set that cannot be aggregated is a failure with its error, and one cause is told once', async () => {
  const { failed, failures, logged } = startAggregator({ q: ['g1', 'g2', 'g3', 'g4', 'g5'] }, () => {
    throw new Error('no such template');
  });
  await settle();
  expect(failed).toEqual(['g1', 'g2', 'g3', 'g4', 'g5'].map((group) => [group, 'no such template']));
  expect(failures).toHaveLength(5);
  expect(logged).toMatchObject([{ group: 'g1', code: 'retry', pauseMs: 5_000 }]);
});

test('a set whose new task is a duplicate is tried again after a pause, and counts against no task', async () => {
  const { failed, failures, pauses } = startAggregator({ q: ['duplicate'] }, () => ({ task: 'x' }));
  await settle();
  expect([failed, pauses]).toEqual([[['duplicate', null]], [30_000]]);
  expect(failures).toMatchObject([{ message: 'the new task was not stored: duplicate-task' }]);
});

test('a set that is under way when the worker stops is given back, and is no failure', async () => {
  const { clock, failed, logged, aggregator } = startAggregator(
    { q: ['g1'] },
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  await settle();
  void aggregator.stop();
  aggregator.abort();
  await settle();
  await clock.advance(1);
  expect([failed, logged]).toEqual([[['g1', null]], []]);
});
