import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { isEnqueue, isFinish } from '../harness/commands.ts';
import type { Line } from '../harness/history.ts';
import { histogram } from '../harness/recovery.ts';
import type { Run } from '../harness/run.ts';
import { Client, isTaskCenterError, type Broker } from '@task-center/engine';
import { startFaultProxy, type FaultProxy } from '../../packages/engine/test/support/fault-proxy.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';

/** A task as an owner of its lock. */
interface Owner {
  readonly id: string;
  /** When its first attempt began. */
  readonly began: number;
  /** When its last attempt ended or, if its process went before, began. */
  ran: number;
  /** When its final end was known. */
  over: number | null;
}

/** By what makes them equal, in the order in which they began: a lost reply lets a producer hear late of its task. */
function ownersIn(lines: readonly Line[]): Owner[][] {
  const byLock = new Map<string, Owner[]>();
  const owners = new Map<string, Owner>();
  const locks = new Map<string, string>();
  for (const line of [...lines].sort((a, b) => a.t - b.t)) {
    if (line.e === 'call') locks.set(line.id, JSON.stringify(line.does));
    if (line.e !== 'start' && line.e !== 'end' && line.e !== 'finished') continue;
    const owner = owners.get(line.id) ?? { id: line.id, began: line.t, ran: line.t, over: null };
    if (!owners.has(line.id)) {
      const lock = locks.get(line.id) ?? '';
      byLock.set(lock, [...(byLock.get(lock) ?? []), owner]);
      owners.set(line.id, owner);
    }
    if (line.e !== 'finished') owner.ran = line.t;
    else if (line.outcome === 'succeeded' || line.outcome === 'archived') owner.over = line.t;
  }
  return [...byLock.values()];
}

/** Acts of people on a task that holds a lock: afterwards the lock is free. */
async function actOnTask(broker: Broker, n: number): Promise<void> {
  const client = new Client(broker);
  const options = { queue: 'acts', unique: '10m', delay: '10m' } as const;
  const enqueue = (id: string) => client.enqueue('task', { n: n % 3 }, { ...options, id });
  const id = `acted-${n}`;
  await enqueue(id);
  const refused = await enqueue(`${id}-again`).catch((error: unknown) => error);
  expect(isTaskCenterError(refused, 'duplicate-task'), 'the lock is held').toBe(true);
  const ref = { queue: 'acts', id };
  const acts = [
    () => broker.control.remove(ref),
    // The archive keeps the lock, as in Asynq, for it can be run again from there.
    async () => {
      await broker.control.archive(ref);
      const held = await enqueue(`${id}-again`).catch((error: unknown) => error);
      expect(isTaskCenterError(held, 'duplicate-task'), 'the archive holds the lock').toBe(true);
      return broker.control.remove(ref);
    },
    () => broker.control.cancel(ref, {}),
  ];
  expect(await acts[n % acts.length]?.()).toMatchObject({ code: 'done' });
  // The next round finds it free, or fails.
  await enqueue(`${id}-next`);
  await broker.control.remove({ queue: 'acts', id: `${id}-next` });
}

async function startProxy(run: Run): Promise<FaultProxy | null> {
  if (run.bed.isSingleProcess) return null;
  const proxy = await startFaultProxy(run.bed.server.port);
  run.cleanUp(() => proxy.close());
  return proxy;
}

/** Twelve tasks, made again and again; some fail once, some for good. */
const TASKS = Array.from({ length: 12 }, (_, n) => ({
  payload: { ms: 20 + 20 * n, ...(n % 4 === 1 && { fail: 1 }), ...(n % 4 === 3 && { fail: 9 }) },
  options: { unique: '10m', ...(n % 4 === 3 && { maxRetries: 1 }), ...(n % 4 === 2 && { delay: '500ms' }) },
}));

experiment(
  'X6',
  {
    title: 'unique tasks: crashes, lost replies and acts at each phase',
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
      for (let n = 3 * i; broker && n < 3 * i + 3; n += 1) await actOnTask(broker, n);
      await run.phase(0, 300);
      const victim = run.random.pick(run.workers);
      await victim.kill();
      await run.startAgain(victim);
    }
    await run.flow(50);
    if (broker) {
      for (const state of ['archived', 'completed', 'scheduled'] as const)
        while (
          (await broker.control.changeMany({ queue: 'acts', action: 'remove', state, limit: 256 })).more
        );
      expect(await broker.control.dropQueue('acts')).toBe(true);
    }
    await run.finish();
    const locks = ownersIn(run.lines());
    const both = locks.flatMap((owners) =>
      owners.flatMap((owner, i) => (owner.began < (owners[i - 1]?.ran ?? -Infinity) ? [owner.id] : [])),
    );
    const freed = locks.flatMap((owners) =>
      owners.flatMap(({ over }, i) => {
        const next = owners[i + 1];
        return over !== null && next ? [Math.max(0, next.began - over)] : [];
      }),
    );
    run.fact('locks taken again', freed.length);
    run.fact('from an end to the next owner, ms at most', histogram(freed)?.max ?? 0);
    expect(both, 'tasks that ran while another held their lock').toEqual([]);
    expect(freed.length).toBeGreaterThan(50);
    expect(histogram(freed)?.max).toBeLessThan(10_000);
    if (run.bed.isSingleProcess) return;
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    const keys = (await raw.call('KEYS', '*:unique:*')) as string[];
    const holders = await Promise.all(keys.map((key) => raw.call('GET', key)));
    const states = holders.map((id) => run.content?.tasks.get(String(id))?.state);
    expect(
      states.filter((state) => state !== 'archived'),
      'locks of tasks that are over',
    ).toEqual([]);
  },
);
