import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';

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
    await run.fleet({ produce: { perSecond: 4, mix: { ms: [500, 6_000] } } });
    for (let i = 0; i < run.times(1, 20); i += 1) {
      await run.flow(60);
      const victim = run.random.pick(run.workers);
      victim.pause();
      await sleep(12_000);
      victim.resume();
      await victim.saw((line) => line.e === 'told' && line.outcome === 'lost');
    }
    const { recovery, staleEnds } = await run.finish();
    expect(recovery?.n, 'tasks that were taken over').toBeGreaterThan(0);
    // Each that was taken over was refused its late end, or had heard of its loss before.
    expect(staleEnds).toBe(recovery?.n);
  },
);
