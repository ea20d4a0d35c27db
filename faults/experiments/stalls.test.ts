// Processes that block, freeze or get too little CPU.
import { execFileSync, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { freeze, slowDown } from '../harness/cgroup.ts';
import { experiment } from '../harness/experiment.ts';
import { until, type Line } from '../harness/history.ts';
import { reportRenewals } from '../harness/measures.ts';
import type { Member } from '../harness/member.ts';
import type { Run } from '../harness/run.ts';

type Start = Extract<Line, { e: 'start' }>;

const BLOCKS_MS = [2_000, 5_000, 20_000];
const LEASE_MS = 6_000;

const light = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ payload: { ms: 50 + ((37 * i) % 400) } }));

/** Limits the numbers of file descriptors to those below `count` (Linux). */
function limitFiles({ pid }: Member, count: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${count}:`], { stdio: 'pipe' });
}

/** IDs of the tasks that block the event loop. */
const blockingIds = (lines: readonly Line[]): Set<string> =>
  new Set(lines.flatMap((line) => (line.e === 'call' && line.does.block !== undefined ? [line.id] : [])));

/** From the end of each block to the event that reports it, ms. */
function eventDelays(lines: readonly Line[]): number[] {
  const blockOf = new Map(
    lines.flatMap((line) => (line.e === 'call' ? [[line.id, line.does.block ?? 0] as const] : [])),
  );
  return lines.flatMap((line) => {
    if (line.e !== 'action' || line.what !== 'block') return [];
    const endMs = line.t + (blockOf.get(line.id) ?? 0);
    const event = lines.find(
      ({ e, member, t }) => e === 'stalled' && member === line.member && t > endMs - 100,
    );
    return event ? [event.t - endMs] : [];
  });
}

experiment(
  'W5',
  {
    title: 'a handler blocks the event loop for 2, 5 and 20 s',
    tier: 1,
    on: ['redis', 'sqlite'],
    fullLimitMs: 600_000,
  },
  async (run) => {
    const round = [
      ...BLOCKS_MS.flatMap((block) => [...light(30), { payload: { block } }]),
      // Enough light tasks that no block of this round is still running when the next round begins.
      ...light(run.times(60, 500)),
    ];
    const rounds = run.times(1, 8);
    await run.fleet({
      producers: 1,
      produce: { perSecond: 20, tasks: round, count: rounds * round.length },
    });
    const ended = () => {
      const lines = run.lines();
      const ids = blockingIds(lines);
      return new Set(lines.flatMap((line) => (line.e === 'end' && ids.has(line.id) ? [line.id] : []))).size;
    };
    const blockCount = rounds * BLOCKS_MS.length;
    await until(() => ended() === blockCount, { what: 'all blocks end', limitMs: rounds * 60_000 });
    const { engine } = await run.finish();
    reportRenewals(run);
    const delays = eventDelays(run.lines());
    run.fact('stall reported within, ms', Math.round(Math.max(...delays)));
    expect(Math.max(...delays), 'ms from a stall to its event').toBeLessThan(1_000);
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

/** Enqueues a task that blocks for `block` ms; resolves to the start of its first attempt. */
async function startBlockingTask(run: Run, block: number): Promise<Start> {
  const known = new Set(run.lines().flatMap((line) => (line.e === 'start' ? [line.id] : [])));
  await run.start({ produce: { count: 1, tasks: [{ payload: { block, once: true } }] } });
  const start = () => {
    const ids = blockingIds(run.lines());
    return run.lines().find((line) => line.e === 'start' && ids.has(line.id) && !known.has(line.id));
  };
  await until(() => start() !== undefined, { what: 'the task that blocks starts' });
  return start() as Start;
}

const waitUntilTakenOver = (run: Run, { id, member }: Start) =>
  until(() => run.lines().some((line) => line.e === 'start' && line.id === id && line.member !== member), {
    what: 'another worker runs the task',
  });

const MAX_STALL_MS = LEASE_MS;
const FOREVER_MS = 1e9;

experiment(
  'W6',
  {
    title: 'a handler blocks the event loop forever, or longer than `maxStall` (6 s)',
    tier: 2,
    on: ['redis'],
    may: { duplicates: ['crashed', 'killed', 'lease-lost'], crashes: true, recoveryMs: MAX_STALL_MS + 5_000 },
  },
  async (run) => {
    const work = { maxStall: MAX_STALL_MS };
    await run.fleet({ workers: 2, produce: { perSecond: 15 }, work: { ...work, failStop: true } });
    await run.fleet({ workers: 2, producers: 0, work });
    const ended: string[] = [];
    for (let i = 0; i < run.times(3, 30); i += 1) {
      await run.flow(60);
      const block = i % 3 === 1 ? 3 * MAX_STALL_MS : FOREVER_MS;
      const start = await startBlockingTask(run, block);
      const victim = run.workers.find(({ name }) => name === start.member);
      if (!victim) throw new Error(`${start.member} is gone already`);
      run.fault('its event loop hangs', [victim]);
      await waitUntilTakenOver(run, start);
      if (victim.options.work?.failStop === true) {
        await victim.gone;
        ended.push(victim.name);
        await run.startAgain(victim);
      } else if (block === FOREVER_MS) {
        expect(victim.isAlive, 'the process lives on without failStop').toBe(true);
        await victim.kill();
        await run.startAgain(victim);
      } else {
        // The event loop runs again, and the late end is refused.
        await victim.saw((line) => line.e === 'finished' && line.id === start.id && line.outcome === 'lost');
      }
    }
    await run.finish();
    run.fact('processes that ended themselves', ended.length);
    const exits = run.lines().filter((line) => line.e === 'exit' && !line.isRequested && line.code !== 0);
    expect(exits.map((line) => line.e === 'exit' && [line.of, line.signal])).toEqual(
      ended.map((name) => [name, 'SIGKILL']),
    );
    expect(run.lines().filter(({ e }) => e === 'crash')).toEqual([]);
  },
);

/** Starts processes that only compute. Call the result to end them. */
function startBusyLoops(run: Run, count: number): () => void {
  const processes = Array.from({ length: count }, () =>
    spawn('sh', ['-c', 'while :; do :; done'], { stdio: 'ignore' }),
  );
  const end = () => processes.forEach((loop) => void loop.kill('SIGKILL'));
  run.cleanUp(end);
  return end;
}

experiment(
  'W11',
  {
    title: 'CPU starvation: 8 busy loops, then a tenth of a core for each worker',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    await run.fleet({ produce: { perSecond: 5, mix: { ms: [100, 3_000] } } });
    await run.flow(30);
    const lastMs = run.times(12_000, 60_000);
    const end = startBusyLoops(run, 8);
    await sleep(lastMs);
    end();
    const restore = run.workers.map((worker) => slowDown(run, worker, 0.1));
    await sleep(lastMs);
    restore.forEach((lift) => lift());
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
    expect(reportRenewals(run).p99, 'ms between renewals, p99').toBeLessThan(LEASE_MS / 2);
  },
);

experiment(
  'W12',
  {
    title: 'a worker without a free file descriptor loses its connections',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 5_000 },
  },
  async (run) => {
    // A single worker: the next start after a heal is its own. Long tasks: there are always leases to renew.
    const worker = await run.start({ work: { concurrency: 40 } });
    const server = await run.bed.raw();
    await run.fleet({ workers: 0, produce: { mix: { ms: [5, 2_000] } } });
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(50);
      run.fault('all connections end while no descriptor is free');
      // The limit applies to the numbers of descriptors, so those that are freed by closed connections do not help.
      limitFiles(worker, 10);
      await server.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await server.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await sleep(3_000);
      limitFiles(worker, 1_024);
      run.heal('descriptors are free again');
      await run.flow(50);
    }
    await run.finish();
    const errors = run
      .lines()
      .filter((line) => line.e === 'logged' && JSON.stringify(line).includes('EMFILE'));
    run.fact('errors of the worker that name it', errors.length);
    expect(errors.length, 'errors that name EMFILE').toBeGreaterThan(0);
  },
);

experiment(
  'W13',
  {
    title: 'a worker is frozen for 60 s (12 s with few repeats), as in a live migration',
    tier: 2,
    on: ['redis', 'sqlite'],
    may: { duplicates: ['lease-lost'], recoveryMs: 10_000 },
    fullLimitMs: 600_000,
  },
  async (run) => {
    await run.fleet({ produce: { perSecond: 4, mix: { ms: [500, 6_000] } } });
    const frozenMs = run.times(12_000, 60_000);
    for (let i = 0; i < run.times(1, 3); i += 1) {
      await run.flow(60);
      const victim = run.random.pick(run.workers);
      const thaw = freeze(run, victim);
      await sleep(frozenMs);
      thaw();
      await victim.saw((line) => line.e === 'finished');
    }
    const { recovery, staleEnds } = await run.finish();
    if (run.bed.isSingleProcess) return;
    expect(recovery?.n, 'tasks that were taken over').toBeGreaterThan(0);
    run.fact('late ends that were refused', staleEnds);
  },
);
