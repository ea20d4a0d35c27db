// Redis without free memory or disk space.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { connect, Events } from '@task-center/engine';
import { REFUSES_WRITES, UNAVAILABLE, wrongCodes } from '../harness/answers.ts';
import { experiment } from '../harness/experiment.ts';
import { serverOnDisk, type SmallDisk } from '../harness/small-disk.ts';
import { unfinished } from '../harness/broker-content.ts';
import { now, until, type Line } from '../harness/history.ts';
import { info, redisOf } from '../harness/redis.ts';
import type { Run } from '../harness/run.ts';

const isAnswer = (code: string) => (line: Line) =>
  (line.e === 'refused' || line.e === 'unknown') && line.code === code;

experiment(
  'R9',
  {
    title: 'the memory of Redis is full (noeviction)',
    tier: 1,
    on: ['redis'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    await run.fleet();
    const redis = await redisOf(run);
    const broker = await run.bed.connect();
    for (let i = 0; i < run.times(1, 20); i += 1) {
      await run.flow(100);
      // These outlive their first lease: it must be renewed although the memory is full.
      await run.start({ produce: { count: 8, payload: { ms: 8_000 }, mix: { delayed: 0, failing: 0 } } });
      await run.flow(50);
      run.fault('maxmemory is less than what is used');
      await redis.call('CONFIG', 'SET', 'maxmemory', '1mb');
      await run.saw(isAnswer('broker-full'), 10_000);
      const from = now();
      await until(async () => (await unfinished(broker)) === 0, {
        what: 'the workers empty the queue of a full broker',
        limitMs: 30_000,
      });
      run.fact('drainedMs', Math.round(now() - from));
      await redis.call('CONFIG', 'SET', 'maxmemory', '0');
      run.heal('there is space again');
    }
    await run.flow(100);
    const { engine, staleEnds } = await run.finish();
    expect(wrongCodes(run, ['refused: broker-full'])).toEqual([]);
    expect(engine, 'events of the workers').toEqual({});
    expect(staleEnds).toBe(0);
  },
);

/** Keys of another program, older than any task: Redis evicts them first. */
const OTHERS = 'for i = 1, 20000 do redis.call("SET", "other:" .. i, string.rep("x", 1000)) end';
const MAX_DETECT_MS = 60_000;

experiment(
  'R10',
  {
    title: 'maxmemory-policy becomes allkeys-lru, then the memory is full',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 3_000 },
    limitMs: 240_000,
  },
  async (run) => {
    const redis = await redisOf(run);
    const events = new Events();
    const told: { code: string; severity: string; hasEnded: boolean }[] = [];
    events.on('broker.finding', (event) => void (event.code === 'eviction' && told.push(event)));
    const watching = await connect(run.bed.url, { runtime: { events } });
    run.cleanUp(() => watching.close());
    await redis.call('EVAL', OTHERS, '0');
    await sleep(2_000);
    await run.fleet();
    for (let i = 0; i < run.times(1, 3); i += 1) {
      await run.flow(100);
      const from = now();
      await redis.call(
        'CONFIG',
        'SET',
        'maxmemory',
        '1gb',
        'maxmemory-policy',
        'allkeys-lru',
        'maxmemory-samples',
        '64',
      );
      await until(() => told.some(({ hasEnded }) => !hasEnded), {
        what: 'the policy is told',
        limitMs: MAX_DETECT_MS + 5_000,
      });
      run.fact('policy told after, ms', Math.round(now() - from));
      await expect(connect(run.bed.url)).rejects.toMatchObject({ code: 'broker-unsafe' });
      run.fault('the memory is full: Redis removes keys');
      await redis.call('CONFIG', 'SET', 'maxmemory', String((await info(redis, 'used_memory')) - 2 ** 20));
      await run.saw(isAnswer('broker-unsafe'), MAX_DETECT_MS);
      await until(() => told.some(({ severity }) => severity === 'error'), {
        what: 'the removed keys are told',
        limitMs: 10_000,
      });
      await redis.call('CONFIG', 'SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
      run.heal('no key is removed any more');
      run.fact('keys removed', await info(redis, 'evicted_keys'));
      await until(() => told.at(-1)?.hasEnded === true, { what: 'the end is told', limitMs: 10_000 });
      expect(told.map(({ severity, hasEnded }) => (hasEnded ? 'ended' : severity))).toEqual([
        'warning',
        'error',
        'ended',
      ]);
      told.length = 0;
    }
    await run.flow(100);
    await run.finish();
    expect(wrongCodes(run, ['refused: broker-unsafe'])).toEqual([]);
  },
);

const FULL_MS = 3_000;

/** Fills the disk for a while after producers get errors; resolves when it has space again. */
async function fillTemporarily(run: Run, disk: SmallDisk): Promise<void> {
  run.fault('the disk is full');
  disk.fill();
  await run.saw(isAnswer('broker-unavailable'), 30_000);
  await sleep(FULL_MS);
  disk.free();
  run.heal('there is space again');
}

experiment(
  'R11',
  {
    title: 'the disk of the AOF is full; the AOF is synced each second',
    tier: 1,
    on: ['redis-everysec'],
    may: { resumeMs: 5_000 },
  },
  async (run) => {
    const disk = await serverOnDisk(run, 16);
    await run.fleet();
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      await fillTemporarily(run, disk);
    }
    await run.flow(100);
    await run.finish();
    expect(wrongCodes(run, REFUSES_WRITES)).toEqual([]);
  },
);

experiment(
  'R12',
  {
    title: 'the disk of the AOF is full; every write is synced, so Redis exits',
    tier: 2,
    on: ['redis-aof'],
    may: { resumeMs: 5_000, duplicates: ['rolled-back', 'lease-lost'] },
  },
  async (run) => {
    const disk = await serverOnDisk(run, 16);
    await run.fleet();
    for (let i = 0; i < run.times(2, 10); i += 1) {
      await run.flow(100);
      run.fault('the disk is full');
      disk.fill();
      await run.bed.server.ended;
      await run.saw(isAnswer('broker-unavailable'), 30_000);
      disk.free();
      await run.bed.server.restart();
      run.heal('Redis is back, with space');
    }
    await run.flow(100);
    await run.finish();
    expect(wrongCodes(run, UNAVAILABLE)).toEqual([]);
  },
);

experiment(
  'R13',
  {
    title: 'snapshots fail on a full disk, so Redis refuses writes',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 10_000 },
    redis: { args: ['--save', '1 1'] },
  },
  async (run) => {
    const disk = await serverOnDisk(run, 16);
    await run.fleet();
    for (let i = 0; i < run.times(1, 10); i += 1) {
      await run.flow(100);
      await fillTemporarily(run, disk);
    }
    await run.flow(100);
    await run.finish();
    expect(wrongCodes(run, REFUSES_WRITES)).toEqual([]);
  },
);
