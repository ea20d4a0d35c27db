import { describe, expect, test } from 'vitest';
import type { ListedState } from '@task-center/model';
import type { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { end, LEASE_OVER_MS, take, type Bench } from '../conformance/harness.ts';
import { redisHarness } from '../conformance/redis-harness.ts';
import { sqliteHarness } from '../conformance/sqlite-harness.ts';
import { aTask, finish } from '../support/factories.ts';
import { hasRedis } from '../support/redis-server.ts';

const Q = 'orders';
const STEP = [{ queue: Q, limit: 100 }];
const ENTRY = '0f6f8b3e-0000-4000-8000-000000000001';
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** Tasks that are taken at once, and how the attempt of each ends; null = it goes on. */
const ENDINGS = {
  active: null,
  asked: null,
  retry: (task) => finish.retry(task, 5_300),
  retried: (task) => finish.retry(task, 700),
  completed: (task) => finish.succeeded(task, json({ sum: 3 })),
  'completed with text': (task) => finish.succeeded(task, Buffer.from('no JSON')),
  'completed with nothing': (task) => finish.succeeded(task),
  archived: (task) => finish.archive(task),
  cancelled: (task) => finish.archive(task),
  deferred: (task) => finish.defer(task, 3_333),
  'given back': (task) => finish.requeue(task),
  revoked: (task) => finish.revoked(task),
} satisfies Record<
  string,
  ((task: Parameters<typeof finish.archive>[0]) => Parameters<typeof end>[1]) | null
>;

/** Stores tasks in every state, each as it comes about in everyday work; time moves on meanwhile. */
async function fill(bench: Bench): Promise<void> {
  const { submit, control, maintain, presence, schedulerEntries } = bench.broker;
  const kept = { queue: Q, retentionMs: 90_000, headers: { 'x-a': 'ä' } };
  await submit.enqueue(Object.keys(ENDINGS).map((id) => aTask({ id, ...kept })));
  const tasks = await take(bench, { queues: [Q] });
  await bench.advance(1_500);
  await control.cancel({ queue: Q, id: 'cancelled' }, { by: 'anna', reason: 'ordered twice' });
  await control.cancel({ queue: Q, id: 'asked' }, { by: 'anna' });
  await end(bench, ...tasks.flatMap((task) => ENDINGS[task.id as keyof typeof ENDINGS]?.(task) ?? []));
  await submit.enqueue([
    aTask({ queue: Q, id: 'pending' }),
    aTask({ queue: Q, id: 'pending without payload', payload: null }),
    aTask({ queue: Q, id: 'pending with an empty payload', payload: new Uint8Array(0) }),
    aTask({ queue: Q, id: 'never started', retentionMs: 1_500 }),
    aTask({ queue: Q, id: 'scheduled', delayMs: 9_123, timeoutMs: 1_500, uniqueMs: 60_000 }),
    aTask({ queue: Q, id: 'with a deadline', delayMs: 99_000, deadlineMs: bench.now() + 100_750 }),
    aTask({ queue: Q, id: 'shop.a', meta: { business: 'shop', createdMs: 5, tags: ['x'] } }),
    aTask({ queue: Q, id: 'grouped', group: 'g' }),
    aTask({ queue: Q, id: 'grouped later', group: 'g', delayMs: 5_000 }),
  ]);
  await control.cancel({ queue: Q, id: 'never started' }, { by: 'anna' });
  await bench.advance(2_000);
  await maintain.forward(STEP);
  const entry = { spec: '@every 30s', type: 't', nextMs: bench.now() + 1_111, prevMs: bench.now() - 1 };
  const entries = [
    { ...entry, id: ENTRY.replace(/1$/, '2'), payload: null, options: [] },
    { ...entry, id: ENTRY, payload: json(1), options: ['Queue("low")', 'MaxRetry(3)'] },
  ];
  await schedulerEntries.writeEntries('s', { entries, ttlMs: 20_000 });
  await schedulerEntries.recordEvent(ENTRY, { taskId: 'x', atMs: bench.now() - 2_000 });
  await schedulerEntries.recordEvent(ENTRY, { taskId: 'y', atMs: bench.now() });
  const running = { queue: Q, id: 'active', type: 'test:run', payload: new Uint8Array(json({ a: 1 })) };
  const server = { id: ENTRY, host: 'h', pid: 7, concurrency: 5, queues: { [Q]: 1 }, strict: false };
  await presence.announce({
    ...server,
    status: 'active',
    startedMs: bench.now(),
    running: 1,
    tasks: [{ ...running, startedMs: bench.now(), deadlineMs: bench.now() + 5_000 }],
  });
}

const STATES: readonly ListedState[] = [
  ...(['scheduled', 'pending', 'active', 'retry', 'completed', 'cancelled'] as const),
  ...(['archived', 'aggregating'] as const),
];

/** Everything that an inspector returns about a queue, by call. */
async function readAll(inspector: Inspector): Promise<Record<string, unknown>> {
  const { queues, tasks, schedulers } = inspector;
  const seen: Record<string, unknown> = {};
  for (const state of STATES) {
    const page = await tasks.list(Q, state, { group: 'g' });
    seen[`ids of ${state}`] = [page.tasks.map(({ id }) => id).sort(), page.total, page.cursor];
    for (const task of page.tasks) {
      seen[`task ${task.id} in a list`] = task;
      const businessId = task.businessId ?? undefined;
      seen[`task ${task.id}`] = await tasks.get({ id: task.id, ...(businessId && { businessId }) });
    }
  }
  const { memoryUsage, ...queue } = await queues.get(Q);
  expect(memoryUsage).toBeGreaterThan(1_000);
  return {
    ...seen,
    queue,
    names: await queues.list(),
    history: await queues.history(Q, 2),
    groups: await queues.groups(Q),
    servers: await inspector.servers(),
    entries: await schedulers.entries(),
    events: await schedulers.events(ENTRY),
    broker: Object.keys(inspector.broker.state()).sort(),
  };
}

const errorOf = ({ code, details }: TaskCenterError) => ({ code, details });

/** What people do to tasks, and what becomes of them. */
async function act(bench: Bench, { tasks, queues }: Inspector): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  await bench.advance(LEASE_OVER_MS);
  outcomes.push(await tasks.get('active'));
  await bench.recoverAfter(12_000, STEP);
  for (const id of ['archived', 'never started', 'completed', 'grouped', 'grouped later'])
    await tasks.run(id);
  for (const id of ['pending', 'scheduled', 'completed with text']) await tasks.archive(id);
  await tasks.updatePayload('with a deadline', { n: 2 });
  for (const id of ['revoked', 'active', 'archived', 'shop.a']) {
    for (const verb of ['get', 'run', 'archive', 'remove', 'updatePayload', 'cancel'] as const)
      outcomes.push([id, verb, await tasks[verb](id).catch(errorOf)]);
  }
  await queues.pause(Q, 'why');
  const calls = [
    () => queues.pause(Q),
    () => queues.get('none'),
    () => queues.remove(Q),
    () => tasks.list(Q, 'aggregating'),
  ];
  for (const call of calls) outcomes.push(await call().catch(errorOf));
  return outcomes;
}

/** What Asynq stores in whole seconds, and how it rounds. Of an age only the start is rounded, so it is left out. */
const IN_SECONDS: Readonly<Record<string, (seconds: number) => number>> = {
  finishedMs: Math.floor,
  atMs: Math.floor,
  expiresMs: Math.ceil,
};
const DAY_MS = 86_400_000;

function comparableNumber(value: number, startMs: number, name: string): number {
  // Records of attempts have times of long ago.
  if (value < startMs - DAY_MS) return value;
  const round = IN_SECONDS[name];
  return (round ? round(value / 1_000) * 1_000 : value) - startMs;
}

/**
 * What was read, with its times counted from a start, and the class of each object beside its content. It leaves out the differences
 * that the types of the library name: whole seconds on Redis, and that dead letters expire there.
 */
function comparable(value: unknown, startMs: number, name = ''): unknown {
  if (value instanceof Uint8Array) return [value.constructor.name, Buffer.from(value).toString()];
  if (Array.isArray(value)) return value.map((item) => comparable(item, startMs));
  if (typeof value === 'number') return comparableNumber(value, startMs, name);
  if (typeof value !== 'object' || value === null) return value;
  const isArchived = (value as { state?: unknown }).state === 'archived';
  const entries = Object.entries(value).filter(
    ([field]) => field !== 'oldestAggregatingMs' && !(isArchived && field === 'expiresMs'),
  );
  return {
    class: (value.constructor as { name: string }).name,
    ...Object.fromEntries(entries.map(([field, item]) => [field, comparable(item, startMs, field)])),
  };
}

describe.skipIf(!hasRedis())('an inspector', () => {
  const harnesses = [sqliteHarness(), redisHarness()];

  test('returns the same classes, fields and values on both brokers, in every state', async () => {
    const [sqlite, redis] = await Promise.all(
      harnesses.map(async (harness) => {
        const bench = await harness.openBench();
        const startMs = bench.now();
        await fill(bench);
        const inspector = new Inspector(bench.broker);
        const before = await readAll(inspector);
        const outcomes = await act(bench, inspector);
        return comparable({ before, outcomes, after: await readAll(inspector) }, startMs);
      }),
    );
    expect(redis).toEqual(sqlite);
  });
});
