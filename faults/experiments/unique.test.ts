// Unique locks under crashes, lost replies and manual changes.
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { isEnqueue, isFinish } from '../harness/commands.ts';
import type { Line } from '../harness/history.ts';
import { histogram } from '../harness/recovery.ts';
import type { Run } from '../harness/run.ts';
import { Client, isTaskCenterError, type Broker } from '@task-center/engine';
import { startFaultProxy, type FaultProxy } from '../../packages/engine/test/support/fault-proxy.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';

/** A task that owned a unique lock. */
interface Owner {
  readonly id: string;
  /** When its first attempt began. */
  readonly began: number;
  /** When its last attempt ended, or began if its process ended first. */
  lastRun: number;
  /** When its final end was recorded; null = not yet. */
  finished: number | null;
}

/**
 * The owners of each lock by the start of their first attempt. Acknowledgements do not give the order: after a lost reply
 * they come late.
 */
function ownersIn(lines: readonly Line[]): Owner[][] {
  const byLock = new Map<string, Owner[]>();
  const owners = new Map<string, Owner>();
  const locks = new Map<string, string>();
  for (const line of [...lines].sort((a, b) => a.t - b.t)) {
    if (line.e === 'call') locks.set(line.id, JSON.stringify(line.does));
    if (line.e !== 'start' && line.e !== 'end' && line.e !== 'finished') continue;
    const owner = owners.get(line.id) ?? { id: line.id, began: line.t, lastRun: line.t, finished: null };
    if (!owners.has(line.id)) {
      const lock = locks.get(line.id) ?? '';
      byLock.set(lock, [...(byLock.get(lock) ?? []), owner]);
      owners.set(line.id, owner);
    }
    if (line.e !== 'finished') owner.lastRun = line.t;
    else if (line.outcome === 'succeeded' || line.outcome === 'archived') owner.finished = line.t;
  }
  return [...byLock.values()];
}

/** Removes, archives or cancels a task that holds a lock, and expects the lock to be free afterwards. */
async function changeTask(broker: Broker, n: number): Promise<void> {
  const client = new Client(broker);
  const options = { queue: 'manual', unique: '10m', delay: '10m' } as const;
  const enqueue = (id: string) => client.enqueue('task', { n: n % 3 }, { ...options, id });
  const id = `changed-${n}`;
  await enqueue(id);
  const refused = await enqueue(`${id}-again`).catch((error: unknown) => error);
  expect(isTaskCenterError(refused, 'duplicate-task'), 'the lock is held').toBe(true);
  const ref = { queue: 'manual', id };
  const changes = [
    () => broker.control.remove(ref),
    // An archived task keeps its lock, as in Asynq, since it can be run again.
    async () => {
      await broker.control.archive(ref);
      const held = await enqueue(`${id}-again`).catch((error: unknown) => error);
      expect(isTaskCenterError(held, 'duplicate-task'), 'the archive holds the lock').toBe(true);
      return broker.control.remove(ref);
    },
    () => broker.control.cancel(ref, {}),
  ];
  expect(await changes[n % changes.length]?.()).toMatchObject({ code: 'done' });
  // Fails if the lock is still held.
  await enqueue(`${id}-next`);
  await broker.control.remove({ queue: 'manual', id: `${id}-next` });
}

async function startProxy(run: Run): Promise<FaultProxy | null> {
  if (run.bed.isSingleProcess) return null;
  const proxy = await startFaultProxy(run.bed.server.port);
  run.cleanUp(() => proxy.close());
  return proxy;
}

/** Twelve unique tasks that are enqueued repeatedly. Some fail once, some for good. */
const TASKS = Array.from({ length: 12 }, (_, n) => ({
  payload: { ms: 20 + 20 * n, ...(n % 4 === 1 && { fail: 1 }), ...(n % 4 === 3 && { fail: 9 }) },
  options: {
    unique: '10m',
    ...(n % 4 === 3 && { maxRetries: 1 }),
    ...(n % 4 === 2 && { delay: 500 }),
  } as const,
}));

experiment(
  'X6',
  {
    title: 'unique tasks: crashes, lost replies and manual changes at each phase',
    tier: 1,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['killed'] },
  },
  async (run) => {
    const proxy = await startProxy(run);
    await run.fleet({
      ...(proxy && { url: proxy.url }),
      produce: { tasks: TASKS, count: 1e6, perSecond: 40 },
    });
    const broker = run.bed.isSingleProcess ? null : await run.bed.connect();
    for (let i = 0; i < run.times(3, 50); i += 1) {
      await run.flow(20);
      await proxy?.cutReply(isEnqueue);
      await run.flow(20);
      await proxy?.cutReply(isFinish);
      for (let n = 3 * i; broker && n < 3 * i + 3; n += 1) await changeTask(broker, n);
      await run.phase(0, 300);
      const victim = run.random.pick(run.workers);
      await victim.kill();
      await run.startAgain(victim);
    }
    await run.flow(50);
    if (broker) {
      for (const state of ['archived', 'completed', 'scheduled'] as const)
        while (
          (await broker.control.changeMany({ queue: 'manual', action: 'remove', state, limit: 256 })).more
        );
      expect(await broker.control.dropQueue('manual')).toBe(true);
    }
    await run.finish();
    const locks = ownersIn(run.lines());
    const overlapping = locks.flatMap((owners) =>
      owners.flatMap((owner, i) => (owner.began < (owners[i - 1]?.lastRun ?? -Infinity) ? [owner.id] : [])),
    );
    const handoverMs = locks.flatMap((owners) =>
      owners.flatMap(({ finished }, i) => {
        const next = owners[i + 1];
        return finished !== null && next ? [Math.max(0, next.began - finished)] : [];
      }),
    );
    run.fact('locks taken again', handoverMs.length);
    run.fact('from an end to the next owner, ms at most', histogram(handoverMs)?.max ?? 0);
    expect(overlapping, 'tasks that ran while another held their lock').toEqual([]);
    expect(handoverMs.length).toBeGreaterThan(50);
    expect(histogram(handoverMs)?.max).toBeLessThan(10_000);
    if (run.bed.isSingleProcess) return;
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    const keys = (await raw.call('KEYS', '*:unique:*')) as string[];
    const holders = await Promise.all(keys.map((key) => raw.call('GET', key)));
    const states = holders.map((id) => run.content?.tasks.get(String(id))?.state);
    expect(
      states.filter((state) => state !== 'archived'),
      'locks of tasks that have ended',
    ).toEqual([]);
  },
);
