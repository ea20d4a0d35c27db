// Orderly and interrupted shutdowns, and recoverers that race.
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { GO_GRACE_S, heldByGo } from '../harness/go-leases.ts';
import { now, until } from '../harness/history.ts';

const DRAIN_MS = 3_000;

experiment(
  'U1',
  {
    title: 'SIGTERM of a worker with short and long tasks',
    tier: 1,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['given-back'] },
  },
  async (run) => {
    const long = { ms: 5_000 };
    const tasks = [
      ...Array.from({ length: 10 }, (_, i) => ({ payload: { ms: 300 + 50 * i } })),
      { payload: long },
      { payload: { ...long, ignoreAbort: true } },
    ];
    // More tasks than the workers can process: one that is not given back to the front of the queue waits too long.
    await run.fleet({
      workers: 2,
      work: { concurrency: 5, shutdownTimeout: DRAIN_MS },
      producers: 1,
      produce: { tasks, perSecond: 100, count: run.times(84, 840) },
    });
    const exits: number[] = [];
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(20);
      const victim = run.random.pick(run.workers);
      const from = now();
      await victim.stop();
      exits.push(now() - from);
      await run.startAgain(victim);
    }
    await run.finish();
    const lines = run.lines();
    const givenBack = lines.flatMap((line) =>
      line.e === 'finished' && line.outcome === 'deferred' ? [line] : [],
    );
    const restartMs = givenBack.map(({ id, t }) => {
      const next = lines.filter((line) => line.e === 'start' && line.id === id && line.t > t - 500);
      return Math.min(...next.map((line) => line.t)) - t;
    });
    run.fact('exit after SIGTERM, ms', exits.map(Math.round).join(', '));
    run.fact('given back', givenBack.length);
    run.fact('started again within, ms', Math.round(Math.max(...restartMs)));
    expect(givenBack.length, 'tasks that were given back').toBeGreaterThan(0);
    expect(Math.max(...exits), 'ms from SIGTERM to the exit').toBeLessThan(DRAIN_MS + 2_000);
    // Short tasks end before the timeout.
    const ids = new Set(givenBack.map(({ id }) => id));
    const short = lines.filter(
      (line) => line.e === 'call' && ids.has(line.id) && (line.does.ms ?? 0) < 2_000,
    );
    expect(short, 'short tasks that did not end').toEqual([]);
    expect(Math.max(...restartMs), 'ms to the next start').toBeLessThan(5_000);
  },
);

experiment(
  'U2',
  {
    title: 'SIGTERM of a worker, then SIGKILL while it drains',
    tier: 2,
    on: ['redis', 'sqlite'],
    // On SQLite each kill hits all tasks, and those that were lost twice start one by one.
    may: { duplicates: ['killed', 'given-back'], recoveryMs: 60_000 },
  },
  async (run) => {
    await run.fleet({
      produce: { perSecond: 10, mix: { ms: run.bed.isSingleProcess ? [100, 1_000] : [200, 5_000] } },
    });
    for (let i = 0; i < run.times(3, 100); i += 1) {
      await run.flow(40, 120_000);
      const victim = run.random.pick(run.workers);
      const gone = victim.stop();
      await run.phase(0, 2_000);
      await victim.kill();
      await gone;
      await run.startAgain(victim);
    }
    const { recovery } = await run.finish();
    expect(recovery?.n, 'tasks that were taken over').toBeGreaterThan(0);
  },
);

const LATE_MS = 700;

experiment(
  'U3',
  {
    title: "recoverers race for tasks of dead workers, ours and Go's; two of them act on data 0.7 s old",
    tier: 2,
    on: ['redis'],
    may: { duplicates: ['killed'], recoveryMs: 10_000 },
  },
  async (run) => {
    const nowS = Math.floor(Date.now() / 1_000);
    const ends = await heldByGo(run, 40, () => nowS - GO_GRACE_S + Math.round(run.random.between(2, 12)));
    await run.fleet({ workers: 4, producers: 2, produce: { perSecond: 20, mix: { ms: [100, 2_000] } } });
    const link = await run.link();
    link.setQuality({ latencyMs: LATE_MS / 2 });
    await run.fleet({ workers: 2, producers: 0, url: link.url });
    for (let i = 0; i < run.times(2, 50); i += 1) {
      await run.flow(60);
      const victim = run.random.pick(run.workers.filter(({ options }) => options.url === undefined));
      await victim.kill();
      await run.startAgain(victim);
    }
    const startsOf = (id: string) =>
      run.lines().filter((line) => line.e === 'start' && line.id === id).length;
    await until(() => [...ends.keys()].every((id) => startsOf(id) > 0), { what: 'the tasks of Go run' });
    const { reruns } = await run.finish();
    expect(
      [...ends.keys()].filter((id) => startsOf(id) !== 1),
      'tasks of Go that ran twice',
    ).toEqual([]);
    // Each lost task was recovered exactly once. One that was killed before its handler began has no attempt in the histories.
    const recovered = run.lines().flatMap((line) => (line.e === 'event' ? [line.recovered ?? 0] : []));
    const sum = recovered.reduce((total, count) => total + count, 0);
    run.fact('taken back', sum);
    expect(sum - ends.size, 'recovered tasks').toBeGreaterThanOrEqual(reruns.killed ?? 0);
  },
);
