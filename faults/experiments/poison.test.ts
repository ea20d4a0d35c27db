// Tasks, data and errors that harm their process or cannot be read.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { isPoison } from '../harness/bookkeeping.ts';
import { experiment } from '../harness/experiment.ts';
import { now, until } from '../harness/history.ts';
import { waitMs } from '../harness/measures.ts';
import type { Run } from '../harness/run.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';

/** Restarts each worker that ends by itself, until the result is called. */
function superviseWorkers(run: Run): () => Promise<void> {
  const seen = new Set<string>();
  let isStopping = false;
  async function watch(): Promise<void> {
    while (!isStopping) {
      const gone = run.members.filter(
        ({ name, isWorker, isAlive }) => isWorker && !isAlive && !seen.has(name),
      );
      for (const member of gone) {
        seen.add(member.name);
        await run.startAgain(member);
      }
      await sleep(20);
    }
  }
  const watching = watch();
  const stop = () => {
    isStopping = true;
    return watching;
  };
  run.cleanUp(stop);
  return stop;
}

/** Enqueues tasks with a process of its own; resolves to its name. */
async function enqueueTasks(
  run: Run,
  tasks: readonly { payload: object; options?: object }[],
): Promise<string> {
  const producer = await run.start({ produce: { tasks } });
  await producer.produced();
  await producer.stop();
  return producer.name;
}

const POISONS = 2;
/** Times that each of them starts at most, as docs/guarantees.md says: twice in company, three times alone. */
const MAX_STARTS = 5;
const CALM_MS = 4_000;

experiment(
  'X1',
  {
    title: 'a task that kills its process every time',
    tier: 1,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['crashed'], crashes: true, recoveryMs: 12_000 },
    limitMs: 120_000,
  },
  async (run) => {
    const kills = Array.from({ length: POISONS }, (_, n) => ({
      payload: { kill: true },
      options: { delay: `${run.bed.isSingleProcess ? 3_000 : n * 1_500}ms` },
    }));
    const produce = { perSecond: 30, mix: { ms: [5, 50] as const, delayed: 0, failing: 0.05 } };
    const stop = superviseWorkers(run);
    // On SQLite no other process can enqueue while the file is in use.
    let poisons = run.bed.isSingleProcess ? await enqueueTasks(run, kills) : '';
    await run.fleet({ produce });
    await run.flow(50);
    const calmMs = now();
    await sleep(CALM_MS);
    if (!run.bed.isSingleProcess) poisons = await enqueueTasks(run, kills);
    const isFatal = (id: string) => id.startsWith(`${poisons}-`);
    const starts = () =>
      run.lines().flatMap((line) => (line.e === 'start' && isFatal(line.id) ? [line.t] : []));
    await until(() => starts().length > 0, { what: 'a poison task starts', limitMs: 30_000 });
    // Longer than a lease and its recovery, or than a restart.
    const quietMs = run.bed.isSingleProcess ? 5_000 : 12_000;
    const isQuiet = () => now() - Math.max(...starts()) > quietMs;
    await until(isQuiet, { what: 'they start no more', limitMs: 90_000 });
    const lines = run.lines();
    const firstMs = Math.min(...starts());
    const runs = starts().length;
    await run.flow(100);
    await stop();
    await run.finish();
    const acks = new Map(lines.flatMap((line) => (line.e === 'ack' ? [[line.id, line.t] as const] : [])));
    const since = (id: string) => acks.get(id) ?? 0;
    const before = waitMs(lines, (id) => since(id) > calmMs && since(id) < firstMs && !isFatal(id));
    const after = waitMs(lines, (id) => since(id) > firstMs);
    const dead = [...(run.content?.tasks.values() ?? [])].filter(isPoison);
    const innocent = dead.filter(({ id }) => !isFatal(id)).map(({ id }) => id);
    run.fact('runs of each', runs / POISONS);
    run.fact('from the first run to the last, ms', Math.round(Math.max(...starts()) - firstMs));
    run.fact('wait p99 before, ms', before?.p99 ?? 0);
    run.fact('wait p99 of others meanwhile, ms', after?.p99 ?? 0);
    // One may be lost before its handler has begun.
    expect(runs).toBeLessThanOrEqual(MAX_STARTS * POISONS);
    expect(dead.filter(({ id }) => isFatal(id))).toHaveLength(POISONS);
    expect(innocent, 'other tasks archived as poison').toEqual([]);
    expect(Math.max(...starts()) - firstMs).toBeLessThan(50_000);
    // On SQLite the crash of the only process stops all tasks.
    if (!run.bed.isSingleProcess)
      expect(after?.p99, 'the wait of other tasks').toBeLessThan(2 * (before?.p99 ?? 0) + 500);
  },
);

const Q = 'asynq:{default}:';
const GARBAGE = Buffer.from([0x0a, 0xff, 0xff]);
const LISTS = ['pending', 'active'];
const SETS = ['scheduled', 'retry', 'archived', 'completed', 'lease'];

type Raw = Awaited<ReturnType<typeof rawRedis>>;

/** Kinds of unreadable task hashes. */
const BODIES: Record<string, (raw: Raw, key: string, state: string) => Promise<unknown>> = {
  'cannot be decoded': (raw, key, state) => raw.call('HSET', key, 'msg', GARBAGE, 'state', state),
  'of a wrong type': (raw, key) => raw.call('RPUSH', key, 'x'),
  'of 10 MB': (raw, key, state) =>
    raw.call('HSET', key, 'msg', Buffer.alloc(10_000_000, 0xff), 'state', state),
  'without a message': (raw, key, state) => raw.call('HSET', key, 'state', state),
  'not there': () => Promise.resolve(),
};
/** How an ID gets into each list or set. */
const LOCATIONS: Record<string, (raw: Raw, id: string) => Promise<unknown>> = {
  pending: (raw, id) => raw.call('RPUSH', `${Q}pending`, id),
  scheduled: (raw, id) => raw.call('ZADD', `${Q}scheduled`, '1', id),
  retry: (raw, id) => raw.call('ZADD', `${Q}retry`, '1', id),
  async active(raw, id) {
    await raw.call('ZADD', `${Q}lease`, '1', id);
    await raw.call('RPUSH', `${Q}active`, id);
  },
};

/** Whether the ID is still in a list or set that workers read. */
async function isQueued(raw: Raw, id: string): Promise<boolean> {
  const positions = [
    ...['pending', 'active'].map((name) => raw.call('LPOS', Q + name, id)),
    ...['scheduled', 'retry', 'lease'].map((name) => raw.call('ZSCORE', Q + name, id)),
  ];
  return (await Promise.all(positions)).some((position) => position !== null);
}

experiment(
  'X2',
  {
    title: 'unreadable data among the tasks',
    tier: 1,
    on: ['redis'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
  },
  async (run) => {
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    await run.fleet();
    let longestMs = 0;
    for (let i = 0; i < run.times(1, 20); i += 1) {
      await run.flow(50);
      const ids: string[] = [];
      for (const [body, make] of Object.entries(BODIES)) {
        for (const [location, put] of Object.entries(LOCATIONS)) {
          const id = `bad ${body} ${location} ${i}`;
          ids.push(id);
          await make(raw, `${Q}t:${id}`, location);
          await put(raw, id);
        }
      }
      const began = performance.now();
      const victim = run.random.pick(run.workers);
      await victim.kill();
      await run.startAgain(victim);
      for (const id of ids)
        await until(async () => !(await isQueued(raw, id)), {
          what: `${id} is quarantined`,
          limitMs: 20_000,
        });
      longestMs = Math.max(longestMs, performance.now() - began);
      // They are removed, as the checker expects only tasks that a producer enqueued.
      for (const id of ids) {
        await raw.call('DEL', `${Q}t:${id}`);
        for (const name of LISTS) await raw.call('LREM', Q + name, '0', id);
        for (const name of SETS) await raw.call('ZREM', Q + name, id);
      }
    }
    await run.flow(100);
    await run.finish();
    run.fact('until all were quarantined, ms', Math.round(longestMs));
    expect(longestMs).toBeLessThan(15_000);
  },
);

/** Keys of `UNUSUAL_VALUES` in programs/worker.mjs. */
const UNUSUAL_VALUES = [
  'huge',
  'huge text',
  'cyclic',
  'cyclic cause',
  'undefined',
  'null',
  'symbol',
  'function',
  'bigint',
  'no prototype',
  'proxy',
  'message throws',
  'bad text',
];
const MAX_ERROR_LENGTH = 8_192;

experiment(
  'X3',
  {
    title: 'handlers throw huge, cyclic and non-error values',
    tier: 2,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const tasks = UNUSUAL_VALUES.map((kind) => ({
      payload: { throwUnusual: kind },
      options: { maxRetries: 1 },
    }));
    const name = await enqueueTasks(run, Array.from({ length: run.times(3, 50) }, () => tasks).flat());
    await run.fleet();
    await run.flow(200);
    await run.finish();
    const stored = [...(run.content?.tasks.values() ?? [])].filter(({ id }) => id.startsWith(`${name}-`));
    const lengths = stored.map(({ lastError }) => lastError?.message.length ?? Infinity);
    run.fact('longest error stored, characters', Math.max(...lengths));
    expect(stored.filter(({ state }) => state !== 'archived')).toEqual([]);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_ERROR_LENGTH);
  },
);
