// Failovers behind Sentinel.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RedisServer } from '../../packages/engine/test/support/redis-server.ts';
import { experiment } from '../harness/experiment.ts';
import { now, until } from '../harness/history.ts';
import { lostOf } from '../harness/losses.ts';
import { longestPauseMs } from '../harness/pauses.ts';
import { sendCommand, followsAgain, infoOf, scriptsRun } from '../harness/redis-admin.ts';
import type { Run } from '../harness/run.ts';

/** A lost master takes ends and leases with it that were not replicated yet. */
const FAILOVER = { duplicates: ['rolled-back', 'lease-lost'], overlaps: true } as const;
const REPLICATED = { produce: { durability: 'replicated' } } as const;

/** The current master according to the Sentinels, and the other server. */
async function roles({ bed: { sentinels } }: Run): Promise<{ master: RedisServer; replica: RedisServer }> {
  const port = await sentinels.masterPort();
  const swapped = port === sentinels.replica.port;
  return swapped
    ? { master: sentinels.replica, replica: sentinels.master }
    : { master: sentinels.master, replica: sentinels.replica };
}

const waitUntilMaster = ({ bed: { sentinels } }: Run, { port }: RedisServer): Promise<void> =>
  until(async () => (await sentinels.masterPort()) === port, { what: 'the replica becomes the master' });

/** Restarts a master that was killed; it becomes a replica. */
async function restartAsReplica({ port, restart }: RedisServer): Promise<void> {
  await restart();
  await followsAgain(port);
}

experiment(
  'H1',
  {
    title: 'SIGKILL of the master while its replica is up to date',
    tier: 1,
    on: ['sentinel'],
    may: FAILOVER,
  },
  async (run) => {
    await run.fleet(REPLICATED);
    let [promoted, resumed] = [0, 0];
    const rounds = run.times(1, 20);
    for (let i = 1; i <= rounds; i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      const { master, replica } = await roles(run);
      const began = now();
      run.fault('SIGKILL of the master');
      await master.kill();
      await waitUntilMaster(run, replica);
      promoted = Math.max(promoted, Math.round(now() - began));
      await run.flow(200);
      resumed = Math.max(resumed, longestPauseMs(run.lines(), began));
      if (i < rounds) await restartAsReplica(master);
    }
    run.fact('replica promoted after, ms', promoted);
    run.fact('tasks start again after, ms', resumed);
    expect(resumed).toBeLessThan(10_000);
    await run.finish();
  },
);

experiment(
  'H2',
  {
    title: 'SIGKILL of the master while its replica is behind',
    tier: 1,
    on: ['sentinel'],
    may: { ...FAILOVER, losses: true },
  },
  async (run) => {
    await run.fleet({ producers: 1 });
    const safe = await run.start({ produce: { perSecond: 50, durability: 'replicated' } });
    const rounds = run.times(1, 20);
    for (let i = 1; i <= rounds; i += 1) {
      await run.flow(100);
      const { master, replica } = await roles(run);
      replica.pause();
      // Without this, data in the buffers of the kernel would still reach the paused replica.
      await sendCommand(master.port, 'CLIENT', 'KILL', 'TYPE', 'replica');
      await run.flow(50);
      // Longer than a call with `replicated` waits for a replica.
      await run.phase(1_500, 2_500);
      run.fault('SIGKILL of the master');
      await master.kill();
      replica.resume();
      await waitUntilMaster(run, replica);
      await run.flow(100);
      if (i < rounds) await restartAsReplica(master);
    }
    const { tasks } = await run.finish();
    const lost = await lostOf(run, [safe]);
    run.fact('acknowledged without durability and lost', tasks.lost);
    expect(lost, 'acknowledged as replicated and lost').toEqual([]);
    expect(tasks.lost, 'tasks that the replica did not have').toBeGreaterThan(0);
  },
);

experiment(
  'H3',
  {
    title: 'the old master returns as a master, until the Sentinels notice it',
    tier: 2,
    on: ['sentinel'],
    may: FAILOVER,
  },
  async (run) => {
    await run.fleet(REPLICATED);
    for (let i = 0; i < run.times(1, 20); i += 1) {
      await run.flow(100);
      const { master, replica } = await roles(run);
      run.fault('SIGKILL of the master');
      await master.kill();
      await waitUntilMaster(run, replica);
      await run.flow(50);
      const began = now();
      await master.restart();
      run.heal('the old master is back');
      expect(((await sendCommand(master.port, 'ROLE')) as string[])[0]).toBe('master');
      await followsAgain(master.port);
      run.fact('a second master for, ms', Math.round(now() - began));
      expect(await scriptsRun(master.port), 'script calls on the old master').toBe(0);
      await run.flow(100);
    }
    await run.finish();
  },
);

experiment(
  'H4',
  {
    title: 'the master hands over to a replica that has no scripts',
    tier: 2,
    on: ['sentinel'],
    may: FAILOVER,
  },
  async (run) => {
    await run.fleet(REPLICATED);
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      const { master, replica } = await roles(run);
      await sendCommand(replica.port, 'SCRIPT', 'FLUSH');
      run.fault('handed over');
      await sendCommand(run.bed.sentinels.sentinels[0]?.port ?? 0, 'SENTINEL', 'FAILOVER', 'tasks');
      await waitUntilMaster(run, replica);
      await run.flow(100);
      await followsAgain(master.port);
    }
    await run.finish();
    const messages = run.lines().filter((line) => line.e === 'logged' || line.e === 'event');
    expect(messages.filter((line) => JSON.stringify(line).includes('NOSCRIPT'))).toEqual([]);
  },
);

const LAG_S = 2;

experiment(
  'H8',
  {
    title: 'the master is cut off with one producer; min-replicas-to-write 1, max-lag 2 s',
    tier: 2,
    on: ['sentinel'],
    may: { ...FAILOVER, losses: true },
    limitMs: 150_000,
    redis: { proxied: true },
  },
  async (run) => {
    const { master, replica, proxy } = run.bed.sentinels;
    await sendCommand(
      master.port,
      'CONFIG',
      'SET',
      'min-replicas-to-write',
      '1',
      'min-replicas-max-lag',
      String(LAG_S),
    );
    await run.fleet(REPLICATED);
    const safe = run.producers;
    const isolated = await run.start({ url: master.url, produce: { perSecond: 100 } });
    await run.flow(100);
    await run.phase(0, 1_000);
    const cut = now();
    run.fault('the master is cut off');
    proxy?.swallow(true);
    await waitUntilMaster(run, replica);
    await run.flow(200);
    await isolated.saw((line) => line.e === 'refused', 20);
    run.fact('tasks start again after, ms', longestPauseMs(run.lines(), cut));
    proxy?.swallow(false);
    run.heal('the master is reachable again');
    await followsAgain(master.port);
    await isolated.saw((line) => line.e === 'refused');
    const last = isolated.history.read().findLast(({ e }) => e === 'ack')?.t ?? cut;
    run.fact('the lone master took tasks for, ms', Math.round(last - cut));
    expect(last - cut).toBeLessThan((LAG_S + 2) * 1_000);
    const { tasks } = await run.finish();
    run.fact('acknowledged there and lost', tasks.lost);
    expect(await lostOf(run, safe), 'acknowledged as replicated and lost').toEqual([]);
  },
);

experiment(
  'H9',
  {
    title: 'NOREPLICAS: the only required replica is paused',
    tier: 2,
    on: ['sentinel'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    const { master, replica } = run.bed.sentinels;
    await sendCommand(
      master.port,
      'CONFIG',
      'SET',
      'min-replicas-to-write',
      '1',
      'min-replicas-max-lag',
      '1',
    );
    await run.fleet();
    for (let i = 0; i < run.times(3, 30); i += 1) {
      await run.flow(100);
      run.fault('SIGSTOP of the replica');
      replica.pause();
      await run.saw((line) => line.e === 'refused');
      // Shorter than a lease: no lease may be lost.
      await run.phase(500, 2_000);
      replica.resume();
      run.heal('the replica goes on');
      await run.saw(({ e }) => e === 'ack');
    }
    await run.flow(100);
    const codes = run
      .lines()
      .flatMap((line) => (line.e === 'refused' || line.e === 'unknown' ? [line.code] : []));
    expect([...new Set(codes)].filter((code) => code !== 'broker-unsafe')).toEqual(['broker-unavailable']);
    await run.finish();
  },
);

experiment(
  'H11',
  {
    title: 'two of three Sentinels are gone, then the master is paused',
    tier: 2,
    on: ['sentinel'],
    // A single Sentinel cannot promote the replica.
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    const { master, sentinels, masterPort } = run.bed.sentinels;
    const [left, ...others] = sentinels;
    const port = left?.port ?? 0;
    await run.fleet();
    await run.flow(100);
    await Promise.all(others.map((sentinel) => sentinel.kill()));
    await run.flow(200);
    const before = await infoOf(port, 'total_connections_received');
    for (let i = 0; i < run.times(1, 10); i += 1) {
      run.fault('SIGSTOP of the master');
      master.pause();
      await sleep(4_000);
      master.resume();
      run.heal('the master goes on');
      await run.flow(200);
      expect(await masterPort()).toBe(master.port);
    }
    const after = await infoOf(port, 'total_connections_received');
    run.fact('connections to the Sentinel that is left', after - before);
    // Seven processes, each with at most one connection a second.
    expect(after - before).toBeLessThan(run.times(1, 10) * 30);
    await run.finish();
  },
);
