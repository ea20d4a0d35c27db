// Slow, narrow and fragmented connections, and a server that moves.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { callMs, renewalGapMs } from '../harness/measures.ts';
import type { Link, LinkQuality } from '../harness/link.ts';
import type { Run } from '../harness/run.ts';
import { startRedis } from '../../packages/engine/test/support/redis-server.ts';

async function startLinkOf(run: Run, weather?: LinkQuality): Promise<Link> {
  const link = await run.link();
  link.setQuality(weather);
  return link;
}

const countOf = (run: Run, e: string): number => run.lines().filter((line) => line.e === e).length;

experiment(
  'N1',
  {
    title: 'replies take 200 ms, plus or minus 100 ms',
    tier: 2,
    on: ['redis'],
    limitMs: 180_000,
  },
  async (run) => {
    const { url } = await startLinkOf(run, { latencyMs: 100, jitterMs: 50 });
    const mix = { ms: [5, 100] as const, delayed: 0 };
    await run.fleet({ url, workers: 2, producers: 2, produce: { perSecond: 50, parallel: 100, mix } });
    await run.flow(200);
    const before = countOf(run, 'start');
    const ms = run.times(8_000, 60_000);
    await sleep(ms);
    const perSecond = ((countOf(run, 'start') - before) * 1_000) / ms;
    const { engine } = await run.finish({ drainMs: 120_000 });
    run.fact('starts per second', Math.round(perSecond));
    run.fact('renewal gap p99, ms', renewalGapMs(run.lines())?.p99 ?? 0);
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
    // 20 slots, each busy for a round trip of at most 300 ms and 52 ms of work: 57/s. A busy machine reaches half of it.
    expect(perSecond).toBeGreaterThan(25);
  },
);

experiment(
  'N10',
  {
    title: 'a worker has 64 kB/s for payloads of 250 kB',
    tier: 2,
    on: ['redis'],
    limitMs: 180_000,
  },
  async (run) => {
    const { url } = await startLinkOf(run, { bytesPerSecond: 64_000 });
    // A payload takes 4 s to arrive, which is too close to the usual lease of 6 s.
    const leaseMs = 20_000;
    await run.start({ url, work: { concurrency: 1, lease: leaseMs } });
    await run.start({ url, work: { concurrency: 10, queues: ['small'] } });
    const count = run.times(2, 20);
    await run.start({ produce: { count, fillerBytes: 250_000, mix: { delayed: 0, failing: 0 } } });
    const mix = { ms: [2_000, 6_000] as const, delayed: 0 };
    const small = await run.start({ produce: { perSecond: 1, queues: ['small'], mix } });
    const isEndOfLarge = ({ e, ...line }: { e: string }) =>
      e === 'finished' && !('id' in line && String(line.id).startsWith(small.name));
    for (let i = 0; i < count; i += 1) await run.saw(isEndOfLarge, 60_000);
    const { engine } = await run.finish();
    const gaps = renewalGapMs(run.lines());
    run.fact('renewal gap p99, ms', gaps?.p99 ?? 0);
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
    expect(gaps?.p99, 'half a lease').toBeLessThan(3_000);
  },
);

experiment(
  'N11',
  {
    title: 'every byte arrives in a packet of its own',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    const { url } = await startLinkOf(run, { sliceBytes: 1 });
    await run.fleet({ url, workers: 1, producers: 1, produce: { perSecond: 5 } });
    await run.flow(run.times(60, 2_000), 600_000);
    const { engine, tasks } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
    expect(engine['loop.failed'] ?? 0).toBe(0);
    expect(tasks).toMatchObject({ unknown: 0, refused: 0 });
  },
);

experiment(
  'N12',
  {
    title: 'the server moves to another address',
    tier: 2,
    on: ['redis-aof'],
    may: { resumeMs: 5_000 },
  },
  async (run) => {
    const { server } = run.bed;
    const link = await startLinkOf(run);
    await run.fleet({ url: link.url });
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      run.fault('the server stops');
      await server.end();
      const moved = await startRedis({ folder: server.folder, appendonly: true });
      link.redirect(moved.port);
      link.reset();
      run.heal('it has moved');
      await run.flow(100);
      run.fault('the server stops');
      await moved.end();
      await server.restart();
      link.redirect(server.port);
      link.reset();
      run.heal('it is back');
    }
    await run.flow(100);
    const { engine } = await run.finish();
    run.fact('longest call, ms', callMs(run.lines())?.max ?? 0);
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);
