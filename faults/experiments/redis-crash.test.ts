// Crashes of Redis and losses of its data.
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { newRedisServer } from '../../packages/engine/test/support/redis-server.ts';
import { lostAcks, UNAVAILABLE, wrongCodes } from '../harness/answers.ts';
import { experiment } from '../harness/experiment.ts';
import { now, until } from '../harness/history.ts';
import { info, redisOf } from '../harness/redis.ts';
import type { Run } from '../harness/run.ts';
import { tamper } from '../harness/strace.ts';

experiment(
  'R1',
  {
    title: 'Redis stops in order and is back after 10 s, its AOF intact',
    tier: 1,
    on: ['redis-aof'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    await run.fleet();
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      await run.phase(0, 300);
      run.fault('SIGTERM of Redis');
      await run.bed.server.end();
      await sleep(10_000);
      await run.bed.server.restart();
      run.heal('Redis is back');
    }
    await run.flow(100);
    await run.finish();
  },
);

experiment(
  'R2',
  {
    title: 'SIGKILL of Redis, its AOF synced each second on a healthy disk',
    tier: 1,
    on: ['redis-everysec'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    await run.fleet();
    for (let i = 0; i < run.times(3, 20); i += 1) {
      await run.flow(100);
      await run.phase(0, 1_000);
      run.fault('SIGKILL of Redis');
      await run.bed.server.kill();
      await sleep(500);
      await run.bed.server.restart();
      run.heal('Redis is back');
    }
    await run.flow(100);
    await run.finish();
    // Redis was away for less than the time limit of a call: each was sent again, and nobody noticed.
    expect(run.lines().filter(({ e }) => e === 'unknown' || e === 'refused')).toEqual([]);
  },
);

const LATE_MS = 250;

/** Reports the lost tasks. Resolves to the longest time between an acknowledgement that was lost and its kill, ms. */
async function reportLosses(run: Run, kills: readonly number[]): Promise<number> {
  const lost = await lostAcks(run);
  // A reply may be read shortly after its server was killed.
  const agesMs = lost.map(({ t }) =>
    Math.min(...kills.filter((kill) => kill + LATE_MS > t).map((kill) => Math.max(0, kill - t))),
  );
  run.fact('lost', lost.length);
  const oldestMs = Math.round(Math.max(0, ...agesMs));
  run.fact('oldestLostMs', oldestMs);
  return oldestMs;
}

experiment(
  'R3',
  {
    title: 'SIGKILL of Redis during an fsync that takes 3 s',
    tier: 2,
    on: ['redis-everysec'],
    may: { losses: true, duplicates: ['rolled-back', 'lease-lost'], resumeMs: 5_000 },
    redis: { program: newRedisServer() ?? 'redis-server' },
  },
  async (run) => {
    await run.fleet();
    const safe = await run.start({ produce: { perSecond: 50, durability: 'fsync' } });
    const kills: number[] = [];
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(200);
      const slow = await tamper(run.bed.server.pid, 'fdatasync:delay_enter=3s');
      await run.phase(3_000, 7_000);
      run.fault('SIGKILL of Redis');
      const dead = run.bed.server.kill();
      await slow.stop();
      await dead;
      kills.push(now());
      await run.bed.server.restart();
      run.heal('Redis is back');
    }
    await run.flow(100);
    await run.finish();
    const oldestMs = await reportLosses(run, kills);
    const synced = run.lines().filter(({ e, member }) => e === 'ack' && member === safe.name);
    run.fact('ackedAsFsync', synced.length);
    expect(synced.length).toBeGreaterThan(0);
    const lostSafe = (await lostAcks(run)).filter(({ member }) => member === safe.name);
    expect(lostSafe, 'lost although they were synced').toEqual([]);
    // While an fsync hangs, Redis delays writes for 2 s, which it counts in whole seconds.
    expect(oldestMs).toBeLessThan(3_500);
  },
);

/** The newest part of the append-only file. */
function aofTail(folder: string): string {
  const aofFolder = join(folder, 'appendonlydir');
  const number = (name: string) => Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1] ?? 0);
  const [newest] = readdirSync(aofFolder).sort((a, b) => number(b) - number(a));
  return join(aofFolder, newest ?? '');
}

experiment(
  'R4',
  {
    title: 'power loss: the end of the AOF is cut off anywhere',
    tier: 2,
    on: ['redis-everysec'],
    may: { losses: true, duplicates: ['rolled-back', 'lease-lost'], resumeMs: 5_000 },
  },
  async (run) => {
    await run.fleet();
    const redis = await redisOf(run);
    const kills: number[] = [];
    for (let i = 0; i < run.times(3, 50); i += 1) {
      await run.flow(200);
      run.fault('SIGKILL of Redis');
      await run.bed.server.kill();
      kills.push(now());
      const file = aofTail(run.bed.server.folder);
      truncateSync(file, Math.max(0, statSync(file).size - Math.round(run.random.between(1, 100_000))));
      await run.bed.server.restart();
      run.heal('Redis is back without the end of its file');
      // Redis 7.0 keeps a transaction that was cut in half, and executes it when it loads the file again. A rewrite removes it.
      await redis.call('BGREWRITEAOF');
      await until(async () => (await info(redis, 'aof_rewrite_in_progress')) === 0, {
        what: 'the file is rewritten',
      });
    }
    await run.flow(100);
    await run.finish();
    expect(await reportLosses(run, kills), 'age of the oldest loss, ms').toBeLessThan(5_000);
  },
);

experiment(
  'R5',
  {
    title: 'all data are lost: FLUSHALL, and a restart without data',
    tier: 2,
    on: ['redis'],
    may: { losses: true, resumeMs: 10_000 },
  },
  async (run) => {
    await run.fleet({ produce: { perSecond: 6, mix: { ms: [200, 3_000] } } });
    const broker = await run.bed.connect();
    const redis = await redisOf(run);
    const losses: { from: number; to: number }[] = [];
    for (let i = 0; i < run.times(2, 10); i += 1) {
      await run.flow(80);
      const from = now();
      run.fault('all data are lost');
      if (i % 2 === 0) await redis.call('FLUSHALL');
      else await run.bed.server.restart();
      losses.push({ from, to: now() });
      run.heal('Redis is empty');
      const workers = run.workers.length;
      await until(async () => (await broker.presence.servers()).length === workers, {
        what: 'all workers are registered again',
        limitMs: 10_000,
      });
      run.fact('registeredAgainMs', Math.round(now() - (losses.at(-1)?.to ?? 0)));
    }
    await run.flow(100);
    const { staleEnds } = await run.finish();
    expect(staleEnds, 'attempts whose task was gone').toBeGreaterThan(0);
    const emptyFrom = (losses.at(-1)?.to ?? 0) + 100;
    expect(
      (await lostAcks(run)).filter(({ t }) => t > emptyFrom),
      'lost after the last loss of data',
    ).toEqual([]);
    const { byTask } = run.events();
    const wrong = [...byTask.values()]
      .flat()
      .filter(({ start, finished }) =>
        losses.some(
          ({ from, to }) =>
            start < from && finished !== undefined && finished.outcome !== 'lost' && finished.t > to + 100,
        ),
      );
    expect(wrong, 'accepted ends of tasks that are gone').toEqual([]);
  },
);

experiment(
  'R14',
  {
    title: 'Redis loads a long AOF and answers LOADING',
    tier: 2,
    on: ['redis-aof'],
    may: { resumeMs: 2_000 },
    redis: { args: ['--key-load-delay', '250', '--loading-process-events-interval-bytes', '1024'] },
  },
  async (run) => {
    await run.fleet();
    let longestMs = 0;
    for (let i = 0; i < run.times(1, 3); i += 1) {
      await run.flow(300);
      run.fault('SIGKILL of Redis');
      await run.bed.server.kill();
      const from = now();
      await run.bed.server.restart();
      run.heal('Redis has loaded its data');
      longestMs = Math.max(longestMs, Math.round(now() - from));
    }
    run.fact('loadedMs', longestMs);
    expect(longestMs).toBeGreaterThan(1_000);
    await run.flow(100);
    await run.finish();
    expect(wrongCodes(run, UNAVAILABLE)).toEqual([]);
  },
);
