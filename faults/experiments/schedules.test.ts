// Schedulers that are killed, stopped and cut off, and those whose clocks are wrong: each fire is made once.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { slotOf } from '../../packages/engine/src/brokers/redis/client/topology/slots.ts';
import { startFaultProxy, type FaultProxy } from '../../packages/engine/test/support/fault-proxy.ts';
import { queuesOn, slotOfQueue } from '../harness/cluster.ts';
import { isScheduleDue, isScheduleFire } from '../harness/commands.ts';
import { experiment } from '../harness/experiment.ts';
import { fakeClock } from '../harness/fake-clock.ts';
import { finishFires } from '../harness/finish-fires.ts';
import type { EachSecond } from '../harness/fires.ts';
import type { Run } from '../harness/run.ts';
import { startFiring } from '../harness/schedulers.ts';

/** Eight processes that start at once take a while on a busy machine. */
const LIMIT_MS = 180_000;

async function startProxy(run: Run): Promise<FaultProxy> {
  const proxy = await startFaultProxy(run.bed.server.port);
  run.cleanUp(() => proxy.close());
  return proxy;
}

/** Kills a scheduler every few seconds and starts another, until shortly before the last fire. */
async function killInTurn(run: Run, { fromMs, toMs }: EachSecond): Promise<void> {
  let kills = 0;
  await sleep(fromMs - Date.now());
  while (Date.now() < toMs - 3_000) {
    await run.phase(1_500, 3_500);
    const victim = run.random.pick(run.schedulers);
    await victim.kill();
    await run.startAgain(victim);
    kills += 1;
  }
  run.fact('kills', kills);
}

/** Loses replies to the calls of schedulers until the last fire. */
async function cutReplies(run: Run, proxy: FaultProxy, { fromMs, toMs }: EachSecond): Promise<void> {
  let cuts = 0;
  await sleep(fromMs - Date.now());
  while (Date.now() < toMs) {
    const isCut = await Promise.race([
      proxy.cutReply(run.random.next() < 0.7 ? isScheduleFire : isScheduleDue).then(() => true),
      sleep(2_000).then(() => false),
    ]);
    if (isCut) cuts += 1;
    await run.phase(100, 500);
  }
  run.fact('replies cut', cuts);
}

/** Moves the slots of the queues, and that of the list of all schedules, from master to master until the last fire. */
async function moveSlots(run: Run, queues: readonly string[], { fromMs, toMs }: EachSecond): Promise<void> {
  const { cluster } = run.bed;
  let moves = 0;
  await sleep(fromMs - Date.now());
  while (Date.now() < toMs) {
    for (const slot of [...queues.map(slotOfQueue), slotOf('tc:schedules')]) {
      if (Date.now() >= toMs) break;
      const owner = await cluster.ownerOf(slot);
      const to = cluster.nodes[(cluster.nodes.indexOf(owner) + 1) % cluster.nodes.length] ?? owner;
      // The pause in the middle lets calls of every kind hit a slot whose keys are split between two nodes.
      await cluster.moveSlot(slot, to, () => sleep(150));
      moves += 1;
    }
  }
  run.fact('slots moved', moves);
}

experiment(
  'C1',
  {
    title: '8 schedulers, one schedule that fires each second',
    tier: 1,
    on: ['redis'],
    limitMs: LIMIT_MS,
  },
  async (run) => {
    const options = { cron: '* * * * * *' };
    const span = await startFiring(run, { schedulers: 8 }, { count: 1, seconds: run.times(8, 300), options });
    await finishFires(run, span);
  },
);

experiment(
  'C2',
  {
    title: 'SIGKILL of one of 3 schedulers every few seconds; replies are cut, or slots move',
    tier: 1,
    on: ['redis', 'cluster', 'sqlite'],
    may: { duplicates: ['killed'] },
    limitMs: LIMIT_MS,
  },
  async (run) => {
    const isCluster = run.bed.deployment === 'cluster';
    const queues = isCluster ? await queuesOn(run.bed.cluster) : ['default'];
    const proxy = run.bed.deployment === 'redis' ? await startProxy(run) : null;
    const span = await startFiring(
      run,
      { schedulers: 3, ...(proxy && { url: proxy.url }) },
      { count: run.times(60, 200), seconds: run.times(12, 60), queues },
    );
    await Promise.all([
      killInTurn(run, span),
      proxy && cutReplies(run, proxy, span),
      isCluster && moveSlots(run, queues, span),
    ]);
    await finishFires(run, span);
  },
);

experiment(
  'C3',
  {
    title: 'SIGSTOP of a scheduler between look and fire, while another one fires; SIGCONT later',
    tier: 1,
    on: ['redis'],
    limitMs: LIMIT_MS,
  },
  async (run) => {
    const rounds = run.times(2, 15);
    const proxy = await startProxy(run);
    const victim = await run.start({ url: proxy.url, schedules: { queues: ['default'] } });
    const span = await startFiring(run, { schedulers: 1 }, { count: 20, seconds: rounds * 7 + 3 });
    const other = run.schedulers.find((member) => member !== victim)!;
    await sleep(span.fromMs - Date.now());
    let late = 0;
    for (let i = 0; i < rounds; i += 1) {
      // Alone the victim is given everything that is due; its reply finds a process that stands still.
      other.pause();
      await proxy.passes(isScheduleDue);
      victim.pause();
      other.resume();
      await sleep(5_000);
      const fires = proxy.passes(isScheduleFire).then(() => true);
      other.pause();
      victim.resume();
      if (await Promise.race([fires, sleep(1_000).then(() => false)])) late += 1;
      other.resume();
      await run.phase(300, 800);
    }
    run.fact('late fires', late);
    expect(late, 'fires of a scheduler that had stood still').toBeGreaterThan(0);
    await finishFires(run, span);
  },
);

experiment(
  'T4',
  {
    title: 'the clocks of 8 schedulers differ by up to 10 s',
    tier: 1,
    on: ['redis'],
    limitMs: LIMIT_MS,
  },
  async (run) => {
    const aheadMs = Array.from({ length: 8 }, (_, i) =>
      i === 0 ? -5_000 : i === 1 ? 5_000 : Math.round(run.random.between(-5_000, 5_000)),
    );
    const clocks = aheadMs.map((ms) => {
      const clock = fakeClock();
      run.cleanUp(() => clock.remove());
      clock.set(ms);
      return clock;
    });
    await Promise.all(
      clocks.map(({ env }) => run.start({ launch: { env }, schedules: { queues: ['default'] } })),
    );
    const span = await startFiring(
      run,
      { schedulers: 0 },
      { count: run.times(20, 100), seconds: run.times(8, 60) },
    );
    const whoFired = () => new Set(run.lines().flatMap((line) => (line.e === 'fired' ? [line.member] : [])));
    await finishFires(run, span);
    run.fact('schedulers that fired', whoFired().size);
  },
);
