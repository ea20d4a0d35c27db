// Lost connections, lost replies and partitions.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { isDequeue, isEnqueue, isFinish } from '../harness/commands.ts';
import { experiment } from '../harness/experiment.ts';
import { callMs, fenceMs, waitMs } from '../harness/measures.ts';
import type { ProduceOptions } from '../harness/member.ts';
import type { Run } from '../harness/run.ts';
import { startFaultProxy, type FaultProxy } from '../../packages/engine/test/support/fault-proxy.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';

async function startProxy(run: Run): Promise<FaultProxy> {
  const proxy = await startFaultProxy(run.bed.server.port);
  run.cleanUp(() => proxy.close());
  return proxy;
}

/** Starts workers that use the URL, and producers with a direct connection. */
async function workersBehind(run: Run, url: string, produce: ProduceOptions): Promise<void> {
  await run.fleet({ producers: 0, url });
  await run.fleet({ workers: 0, produce });
}

experiment(
  'N2',
  {
    title: 'the servers cut all connections every 2 s',
    tier: 1,
    on: ['redis', 'cluster'],
    may: { resumeMs: 5_000 },
  },
  async (run) => {
    const { cluster, server } =
      run.bed.deployment === 'cluster'
        ? { cluster: run.bed.cluster, server: null }
        : { cluster: null, server: run.bed.server };
    const raw = server && (await rawRedis(server.port));
    run.cleanUp(() => raw?.close());
    await run.fleet({
      produce: { queues: ['default', 'other', 'third'] },
      work: { queues: ['default', 'other', 'third'] },
    });
    await run.flow(100);
    for (let i = 0; i < run.times(4, 30); i += 1) {
      run.fault('CLIENT KILL');
      // Connections between the nodes of a cluster are not hit.
      for (const type of ['normal', 'pubsub'])
        await (raw ?? cluster)?.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      run.heal('new connections work');
      await sleep(2_000);
    }
    await run.flow(100);
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'N3',
  {
    title: 'half-open connections: data of both directions are dropped without an error',
    tier: 1,
    on: ['redis'],
    may: { duplicates: ['lease-lost'], resumeMs: 5_000 },
  },
  async (run) => {
    const proxy = await startProxy(run);
    await run.fleet({ url: proxy.url });
    // These connections stay half open; new ones work.
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(100);
      run.fault('half open');
      proxy.deafen('all', 'both');
      await sleep(200);
      run.heal('new connections work');
      await sleep(1_000);
    }
    await run.flow(100);
    for (const ms of run.times(1, 5) === 1 ? [10_000] : [3_000, 6_000, 10_000, 20_000, 30_000]) {
      run.fault(`swallowed for ${ms} ms`);
      proxy.swallow(true);
      await sleep(ms);
      proxy.swallow(false);
      run.heal('new connections work');
      await run.flow(100);
    }
    await run.finish();
    const calls = callMs(run.lines());
    run.fact('longest call, ms', calls?.max ?? 0);
    expect(calls?.max, 'producers got an answer').toBeLessThan(6_000);
  },
);

experiment(
  'N4',
  {
    title: 'replies to enqueues are lost',
    tier: 1,
    on: ['redis'],
  },
  async (run) => {
    const proxy = await startProxy(run);
    await run.fleet({ producers: 0 });
    await run.fleet({ workers: 0, url: proxy.url, produce: { retryUnknown: true, mix: { delayed: 0.1 } } });
    const cuts = run.times(40, 5_000);
    for (let i = 0; i < cuts; i += 1) {
      await proxy.cutReply(isEnqueue);
      await run.flow(5);
    }
    // Long enough that the engine gives up. The outcome is unknown, and the producer enqueues again with the same ID.
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await proxy.cutReply(isEnqueue);
      proxy.swallow(true);
      await sleep(6_000);
      proxy.swallow(false);
      await run.flow(50);
    }
    const { tasks } = await run.finish();
    run.fact('replies cut', cuts);
    run.fact('outcomes unknown at first', run.lines().filter(({ e }) => e === 'unknown').length);
    expect(tasks, 'every outcome is known in the end').toMatchObject({ unknown: 0, lost: 0 });
    expect(run.lines().some(({ e }) => e === 'unknown')).toBe(true);
  },
);

experiment(
  'N5',
  {
    title: 'replies to dequeues are lost',
    tier: 1,
    on: ['redis'],
  },
  async (run) => {
    const proxy = await startProxy(run);
    await workersBehind(run, proxy.url, { mix: { delayed: 0, failing: 0.05 }, perSecond: 20 });
    const cuts = run.times(40, 3_000);
    for (let i = 0; i < cuts; i += 1) {
      await proxy.cutReply(isDequeue);
      await run.flow(5);
    }
    // Unreachable for less than a lease: the worker still has the tasks that it leased with the lost reply.
    for (let i = 0; i < run.times(2, 50); i += 1) {
      await proxy.cutReply(isDequeue);
      proxy.swallow(true);
      await run.phase(200, 2_500);
      proxy.swallow(false);
      await run.flow(40);
    }
    const { engine } = await run.finish();
    const waited = waitMs(run.lines());
    run.fact('replies cut', cuts);
    run.fact('longest wait for a start, ms', waited?.max ?? Infinity);
    expect(waited?.max, 'longest wait for a start').toBeLessThan(10_000);
    // No retry and no crash may be counted: the checker compares both with the attempts.
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'N6',
  {
    title: 'replies to finished attempts are lost: done, retry and archive',
    tier: 1,
    on: ['redis'],
  },
  async (run) => {
    const proxy = await startProxy(run);
    await workersBehind(run, proxy.url, { mix: { failing: 0.4 } });
    const cuts = run.times(40, 3_000);
    for (let i = 0; i < cuts; i += 1) {
      await proxy.cutReply(isFinish);
      await run.flow(5);
    }
    for (let i = 0; i < run.times(2, 50); i += 1) {
      await proxy.cutReply(isFinish);
      proxy.swallow(true);
      await run.phase(200, 2_500);
      proxy.swallow(false);
      await run.flow(40);
    }
    const { staleEnds, engine } = await run.finish();
    run.fact('replies cut', cuts);
    expect(staleEnds, 'ends that were refused').toBe(0);
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'N8',
  {
    title: 'all wake-ups are lost: polls find the tasks',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    const proxy = await startProxy(run);
    const timer = setInterval(() => proxy.deafen('signals', 'replies'), 20);
    run.cleanUp(() => clearInterval(timer));
    const produce = { perSecond: 3, mix: { ms: [5, 50] as const, delayed: 0, failing: 0 } };
    await workersBehind(run, proxy.url, produce);
    await run.flow(run.times(100, 2_000), 600_000);
    await run.finish();
    const waited = waitMs(run.lines());
    run.fact('pick-up p50, ms', waited?.p50 ?? Infinity);
    run.fact('pick-up max, ms', waited?.max ?? Infinity);
    // A worker polls after 1.25 s at the latest.
    expect(waited?.max, 'longest wait for a start').toBeLessThan(3_000);
  },
);

/** The blocked direction; whether its data are lost in the end or arrive late. */
const PARTITIONS = [
  { direction: 'requests', lose: false },
  { direction: 'requests', lose: true },
  { direction: 'replies', lose: false },
  { direction: 'replies', lose: true },
] as const;

experiment(
  'N9',
  {
    title: 'a one-way partition of a worker for 15 s: its requests, then its replies',
    tier: 2,
    on: ['redis'],
    // Recovery may have to wait until the other workers have a free slot.
    may: { duplicates: ['lease-lost', 'given-back'], recoveryMs: 20_000 },
    limitMs: 300_000,
  },
  async (run) => {
    const link = await run.link();
    // Long enough that many handlers still run when their lease ends. Half of them ignore their signal.
    const mix = { ms: [2_000, 16_000] as const, delayed: 0, failing: 0.05 };
    await run.fleet({ workers: 3, producers: 1, produce: { perSecond: 2, mix } });
    await run.fleet({
      workers: 0,
      producers: 1,
      produce: { perSecond: 2, mix, payload: { ignoreAbort: true } },
    });
    for (let i = 0; i < run.times(1, 10); i += 1) {
      for (const { direction, lose } of PARTITIONS) {
        const victim = await run.start({ work: { concurrency: 20 }, url: link.url });
        await victim.saw(({ e }) => e === 'start', 5, 60_000);
        await run.phase(0, 1_500);
        const what = `its ${direction} are blocked`;
        // While only replies are blocked, renewals still arrive, so there recovery cannot be measured from the fault.
        run.fault(what, direction === 'requests' ? [victim] : []);
        link.block(direction);
        await sleep(15_000);
        // The kept data arrive late, as TCP retransmits them, or never.
        if (lose) link.reset();
        link.heal();
        await victim.saw(({ e }) => e === 'start', 5, 60_000);
        await victim.stop();
      }
    }
    const { recovery, overlapMs, staleEnds } = await run.finish();
    const fences = fenceMs(run.lines());
    run.fact('tasks taken over', fences.length);
    run.fact('from the fence to the takeover, ms at least', Math.round(Math.min(...fences)));
    run.fact('stale ends refused', staleEnds);
    expect(recovery?.n, 'tasks that were taken over').toBeGreaterThan(0);
    expect(overlapMs).toBe(0);
    expect(Math.min(...fences), 'every handler was aborted before its task ran again').toBeGreaterThan(0);
  },
);

experiment(
  'N13',
  {
    title: 'the server accepts no more clients',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 5_000 },
  },
  async (run) => {
    const proxy = await startProxy(run);
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    await run.fleet({ producers: 0 });
    await run.fleet({ workers: 0, url: proxy.url });
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      run.fault('maxclients');
      await raw.call('CONFIG', 'SET', 'maxclients', '1');
      proxy.cut('all');
      await run.saw(({ e }) => e === 'refused');
      await sleep(8_000);
      await raw.call('CONFIG', 'SET', 'maxclients', '10000');
      run.heal('maxclients');
      await run.saw(({ e }) => e === 'ack');
    }
    await run.flow(100);
    const { engine } = await run.finish();
    const codes = run.lines().flatMap((line) => (line.e === 'refused' ? [line.code] : []));
    run.fact('longest call, ms', callMs(run.lines())?.max ?? 0);
    expect([...new Set(codes)]).toEqual(['broker-unavailable']);
    expect(engine['tasks.recovered'] ?? 0, 'workers keep their leases').toBe(0);
  },
);
