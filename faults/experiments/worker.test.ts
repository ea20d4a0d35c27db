// Killed, paused and crashing workers.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventsOf } from '../harness/attempts.ts';
import { experiment, type ExperimentOptions } from '../harness/experiment.ts';
import { now, until, type Does } from '../harness/history.ts';
import type { Run } from '../harness/run.ts';

experiment(
  'W1',
  {
    title: 'SIGKILL of a worker in the middle of its tasks',
    tier: 1,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
    fullLimitMs: 1_200_000,
  },
  async (run) => {
    await run.fleet();
    for (let i = 0; i < run.times(4, 200); i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      const victim = run.random.pick(run.workers);
      await victim.kill();
      await run.startAgain(victim);
    }
    await run.finish();
  },
);

experiment(
  'W2',
  {
    title: 'SIGKILL of all workers; one starts again first',
    tier: 2,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
  },
  async (run) => {
    await run.fleet();
    for (let i = 0; i < run.times(1, 20); i += 1) {
      await run.flow(100);
      const victims = run.workers;
      await Promise.all(victims.map((victim) => victim.kill()));
      await sleep(2_000);
      run.heal('one starts again', victims);
      for (const [started, victim] of victims.entries()) {
        await run.startAgain(victim);
        if (started === 0) await run.flow(50);
      }
    }
    await run.finish();
  },
);

const INNOCENTS = 20;

experiment(
  'W14',
  {
    title: 'SIGKILL of a worker with 20 long tasks, three times in a row',
    tier: 1,
    on: ['redis', 'sqlite'],
    // Those that were lost twice start one by one.
    may: { duplicates: ['killed'], recoveryMs: 45_000 },
    limitMs: 150_000,
  },
  async (run) => {
    const tasks = Array.from({ length: INNOCENTS }, () => ({ payload: { ms: 8_000 } }));
    let worker = await run.start({ work: { concurrency: INNOCENTS }, produce: { tasks, perSecond: 200 } });
    // On SQLite tasks may start again before the restart is reported.
    const starts = (count: number) =>
      until(() => worker.history.read().filter(({ e }) => e === 'start').length >= count, {
        what: `${worker.name} starts ${count} tasks`,
        limitMs: 30_000,
      });
    await starts(INNOCENTS);
    for (const running of [INNOCENTS, 3, 0]) {
      await worker.kill();
      worker = await run.startAgain(worker);
      await starts(running);
    }
    const began = now();
    const { tasks: ended } = await run.finish({ drainMs: 90_000 });
    run.fact('from the last kill to the end, s', Math.round((now() - began) / 1_000));
    expect(ended.archived, 'innocents archived as poison').toBe(0);
    expect(ended.completed).toBe(INNOCENTS);
  },
);

experiment(
  'W3',
  {
    title: 'SIGSTOP of a worker for 3 s, shorter than its leases',
    tier: 1,
    on: ['redis'],
  },
  async (run) => {
    await run.fleet({ produce: { perSecond: 10, mix: { ms: [500, 3_000] } } });
    for (let i = 0; i < run.times(3, 100); i += 1) {
      await run.flow(40);
      const victim = run.random.pick(run.workers);
      victim.pause();
      await sleep(3_000);
      victim.resume();
    }
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'W4',
  {
    title: 'SIGSTOP of a worker for 12 s, longer than its leases',
    tier: 1,
    on: ['redis'],
    may: { duplicates: ['lease-lost'], recoveryMs: 10_000 },
  },
  async (run) => {
    await run.fleet({ produce: { perSecond: 5, mix: { ms: [500, 3_000] } } });
    // Its handler ends as soon as the process wakes, before a timer can abort it for the expired lease. By then the task
    // runs elsewhere, and that run must not be disturbed.
    const slow = { payload: { ms: 6_500, block: 2_000 }, options: { queue: 'slow' } };
    for (let i = 0; i < 2; i += 1) await run.start({ work: { queues: ['slow'], concurrency: 1 } });
    const repeats = run.times(1, 20);
    for (let i = 0; i < repeats; i += 1) {
      await run.start({ produce: { tasks: [slow] } });
      const { member } = await run.saw((line) => line.e === 'action' && line.what === 'block');
      const victims = [run.member(member), run.random.pick(run.workers.slice(0, 4))];
      for (const victim of victims) victim.pause();
      await sleep(12_000);
      const finished = run.saw((line) => line.member === member && line.e === 'finished');
      for (const victim of victims) victim.resume();
      await finished;
    }
    const { staleEnds } = await run.finish();
    expect(staleEnds, 'late ends that the broker refused').toBeGreaterThanOrEqual(repeats);
  },
);

experiment(
  'W7',
  {
    title: 'a handler never settles, past its deadline',
    tier: 2,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const hang = { payload: { hang: true }, options: { timeout: '2s', maxRetries: 0 } } as const;
    const count = run.times(20, 200);
    const work = { concurrency: 10 };
    const tasks = Array.from({ length: 10 }, (_, i) => (i % 5 === 0 ? hang : { payload: { ms: 20 } }));
    // A single process: with a fifth of tasks that hang it would soon have no free slot if slots were not freed.
    await run.start({ work, produce: { tasks, count: count * 5, perSecond: 20 } });
    await run.produced();
    const { tasks: ended } = await run.finish();
    const attempts = [...eventsOf(run.lines()).byTask.values()].flat();
    const late = attempts
      .filter(({ end }) => end === undefined)
      .map(({ start, finished }) => (finished?.t ?? Infinity) - start);
    run.fact('longest, ms', Math.round(Math.max(...late)));
    expect(ended.archived).toBe(count);
    expect(Math.max(...late), 'deadline and 2 s').toBeLessThan(4_000);
  },
);

const FATAL: Omit<ExperimentOptions, 'title'> = {
  tier: 2,
  on: ['redis', 'sqlite'],
  may: { duplicates: ['crashed'], crashes: true, recoveryMs: 10_000 },
  limitMs: 120_000,
};

/** Runs tasks that end their process each time, among harmless ones. Each process that ends is replaced. */
const fatal =
  (payloads: readonly Does[], nodeArgs: readonly string[] = []) =>
  async (run: Run): Promise<void> => {
    const others = Array.from({ length: 80 }, () => ({ payload: { ms: 50 } }));
    const tasks = [...others, ...payloads.flatMap((payload) => [{ payload }, ...others])];
    run.supervise();
    await run.fleet({ producers: 1, produce: { tasks, perSecond: 50 }, launch: { nodeArgs, quiet: true } });
    await run.produced();
    const { tasks: ended } = await run.finish();
    expect(ended.archived, 'archived as poison').toBe(payloads.length);
  };

experiment(
  'W8',
  { title: 'a task exhausts the memory of its process', ...FATAL },
  fatal([{ oom: true }], ['--max-old-space-size=64']),
);

experiment(
  'W9',
  { title: 'tasks end their process: exit, uncaught exception, unhandled rejection', ...FATAL },
  // The handlers are still running when the error occurs: a task that has already succeeded is not blamed for it.
  fatal([
    { exit: 1 },
    { uncaught: 'planned exception', ms: 1_000 },
    { unhandled: 'planned rejection', ms: 1_000 },
  ]),
);
