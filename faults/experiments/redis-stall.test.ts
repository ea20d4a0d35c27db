// Redis that does not answer for a while.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { UNAVAILABLE, wrongCodes } from '../harness/answers.ts';
import { experiment } from '../harness/experiment.ts';
import { until } from '../harness/history.ts';
import { info, redisOf } from '../harness/redis.ts';
import type { Run } from '../harness/run.ts';

/** Finishes; no end of an attempt may have come too late. Reports the producers' errors and the recovered tasks. */
async function finishWithoutStaleEnds(run: Run): Promise<void> {
  const { engine, staleEnds } = await run.finish();
  expect(wrongCodes(run, UNAVAILABLE)).toEqual([]);
  // Tasks that were being fetched may be recovered: no handler had started.
  run.fact('reclaims', engine['tasks.recovered'] ?? 0);
  expect(staleEnds, 'ends that came too late').toBe(0);
}

experiment(
  'R6',
  {
    title: 'Redis does not answer for 3, 8 and 20 s (DEBUG SLEEP)',
    tier: 1,
    on: ['redis'],
    may: { resumeMs: 3_000 },
    limitMs: 120_000,
  },
  async (run) => {
    await run.fleet();
    const redis = await redisOf(run);
    for (let i = 0; i < run.times(1, 10); i += 1) {
      for (const seconds of [3, 8, 20].slice(0, run.times(2, 3))) {
        await run.flow(100);
        run.fault(`DEBUG SLEEP ${seconds}`);
        await redis.call('DEBUG', 'SLEEP', String(seconds));
        run.heal('Redis is awake');
      }
    }
    await run.flow(100);
    await finishWithoutStaleEnds(run);
  },
);

experiment(
  'R7',
  {
    title: 'CLIENT PAUSE for 8 s, of writes and of all commands',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 3_000 },
  },
  async (run) => {
    await run.fleet();
    const redis = await redisOf(run);
    for (let i = 0; i < run.times(1, 10); i += 1) {
      for (const mode of ['WRITE', 'ALL']) {
        await run.flow(100);
        run.fault(`CLIENT PAUSE ${mode}`);
        await redis.call('CLIENT', 'PAUSE', '8000', mode);
        await sleep(8_000);
        run.heal('the pause is over');
      }
    }
    await run.flow(100);
    await finishWithoutStaleEnds(run);
  },
);

experiment(
  'R8',
  {
    title: 'a script that does not end, until SCRIPT KILL',
    tier: 2,
    on: ['redis'],
    may: { resumeMs: 2_000 },
    redis: { args: ['--busy-reply-threshold', '1000'] },
  },
  async (run) => {
    await run.fleet();
    const [redis, stuck] = [await redisOf(run), await redisOf(run)];
    for (let i = 0; i < run.times(2, 20); i += 1) {
      await run.flow(100);
      run.fault('a script does not end');
      const script = stuck.call('EVAL', 'while true do end', '0').catch((error: unknown) => String(error));
      await sleep(6_000);
      await redis.call('SCRIPT', 'KILL');
      run.heal('the script is killed');
      expect(await script).toMatch(/killed/i);
    }
    await run.flow(100);
    await finishWithoutStaleEnds(run);
  },
);

experiment(
  'R15',
  {
    title: 'SCRIPT FLUSH every 100 ms',
    tier: 1,
    on: ['redis'],
  },
  async (run) => {
    await run.fleet();
    const redis = await redisOf(run);
    for (let i = 0; i < run.times(100, 3_000); i += 1) {
      await redis.call('SCRIPT', 'FLUSH');
      await sleep(100);
    }
    const { engine } = await run.finish();
    expect(wrongCodes(run, []), 'calls of producers that failed').toEqual([]);
    expect(engine, 'events of the workers').toEqual({});
  },
);

experiment(
  'R17',
  {
    title: 'slow forks: repeated BGSAVE of a large data set',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    const redis = await redisOf(run);
    await redis.call('DEBUG', 'POPULATE', '400000', 'filler', '512');
    await run.fleet();
    let longestUs = 0;
    for (let i = 0; i < run.times(5, 60); i += 1) {
      await redis.call('BGSAVE');
      await run.flow(100);
      await until(async () => (await info(redis, 'rdb_bgsave_in_progress')) === 0, {
        what: 'the snapshot is written',
      });
      longestUs = Math.max(longestUs, await info(redis, 'latest_fork_usec'));
    }
    run.fact('longestForkMs', Math.round(longestUs / 1_000));
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);
