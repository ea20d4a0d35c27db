import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { eventsOf } from '../harness/attempts.ts';
import { experiment, type ExperimentOptions } from '../harness/experiment.ts';
import type { Does } from '../harness/history.ts';
import type { Run } from '../harness/run.ts';

experiment(
  'W1',
  {
    title: 'SIGKILL of a worker amid its tasks',
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
    title: 'SIGKILL of all workers, and one starts again',
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
      for (const [place, victim] of victims.entries()) {
        await run.startAgain(victim);
        if (place === 0) await run.flow(50);
      }
    }
    await run.finish();
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
    // Its handler ends the moment that its process wakes, before a timer can tell that the lease is over; by then the
    // task runs elsewhere, and that run goes on.
    const slow = { payload: { ms: 6_500, block: 2_000 }, options: { queue: 'slow' } };
    for (let i = 0; i < 2; i += 1) await run.start({ work: { queues: ['slow'], concurrency: 1 } });
    const repeats = run.times(1, 20);
    for (let i = 0; i < repeats; i += 1) {
      await run.start({ produce: { tasks: [slow] } });
      const { member } = await run.saw((line) => line.e === 'action' && line.what === 'block');
      const victims = [run.member(member), run.random.pick(run.workers.slice(0, 4))];
      for (const victim of victims) victim.pause();
      await sleep(12_000);
      const told = run.saw((line) => line.member === member && line.e === 'finished');
      for (const victim of victims) victim.resume();
      await told;
    }
    const { staleEnds } = await run.finish();
    expect(staleEnds, 'late ends that the broker refused').toBeGreaterThanOrEqual(repeats);
  },
);

experiment(
  'W7',
  {
    title: 'a handler that never settles, past its deadline',
    tier: 2,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const hang = { payload: { hang: true }, options: { timeout: '2s', maxRetries: 0 } };
    const count = run.times(20, 200);
    const work = { concurrency: 10 };
    const tasks = Array.from({ length: 10 }, (_, i) => (i % 5 === 0 ? hang : { payload: { ms: 20 } }));
    // One process, as half of its slots are lost at once if they are not freed.
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

/** Tasks that end their process each time, amid others; another process takes the place of each that is gone. */
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
  { title: 'a task takes all memory of its process', ...FATAL },
  fatal([{ oom: true }], ['--max-old-space-size=64']),
);

experiment(
  'W9',
  { title: 'tasks end their process: exit, uncaught exception, unhandled rejection', ...FATAL },
  // The handlers are still at it: who has ended well is not blamed for what comes after.
  fatal([{ exit: 1 }, { uncaught: 'as it was told', ms: 1_000 }, { unhandled: 'as it was told', ms: 1_000 }]),
);
