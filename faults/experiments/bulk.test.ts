// Large numbers of tasks that come due or fail at once.
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import type { Line } from '../harness/history.ts';
import { rawRedis, type RawRedis } from '../../packages/engine/test/support/raw-redis.ts';

/** CPU time that the server has used, s. */
async function cpuSeconds(raw: RawRedis): Promise<number> {
  const info = String(await raw.call('INFO', 'cpu'));
  const seconds = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]);
  return seconds('used_cpu_sys') + seconds('used_cpu_user');
}

/** The 99th percentile of the duration of scripts, ms. */
async function scriptP99Ms(raw: RawRedis): Promise<number> {
  const info = String(await raw.call('INFO', 'latencystats'));
  return Number(/percentiles_usec_evalsha:.*p99=([\d.]+)/.exec(info)?.[1]) / 1_000;
}

const SLOW_US = '5000';

/** The longest command in the slow log, ms. */
async function slowestMs(raw: RawRedis): Promise<number> {
  const slow = (await raw.call('SLOWLOG', 'GET', '1000')) as [number, number, number][];
  return Math.max(0, ...slow.map(([, , us]) => us / 1_000));
}

experiment(
  'X9',
  {
    title: 'tens of thousands of tasks come due at once while many others wait',
    tier: 2,
    on: ['redis'],
    limitMs: 240_000,
  },
  async (run) => {
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    const [pending, due] = [run.times(20_000, 200_000), run.times(5_000, 50_000)];
    const produce = (count: number, options: object) =>
      run.start({
        produce: {
          count,
          perSecond: 1e6,
          batch: 256,
          parallel: 4,
          payload: { ms: 0 },
          options,
          mix: { failing: 0, delayed: 0 },
        },
      });
    const limitMs = 120_000;
    const delayMs = run.times(20_000, 120_000);
    const runAt = Date.now() + delayMs;
    const scheduled = await produce(due, { delay: `${delayMs}ms`, queue: 'due' });
    const other = await produce(pending, { queue: 'default' });
    for (const member of [scheduled, other]) await member.produced(limitMs);
    expect(Date.now(), 'all tasks were stored before they were due').toBeLessThan(runAt);
    await raw.call('CONFIG', 'SET', 'slowlog-log-slower-than', SLOW_US);
    await raw.call('CONFIG', 'RESETSTAT');
    await raw.call('SLOWLOG', 'RESET');
    await run.fleet({ producers: 0, work: { queues: ['due', 'default'], concurrency: 50 } });
    await run.saw((line) => line.e === 'start' && line.queue === 'due', limitMs);
    const sawAt = Date.now();
    const { tasks } = await run.finish({ drainMs: limitMs });
    run.fact('first start after the due time, ms', sawAt - runAt);
    run.fact('scripts p99, ms', await scriptP99Ms(raw));
    run.fact('slowest command, ms', await slowestMs(raw));
    expect(tasks.completed).toBe(pending + due);
    expect(sawAt - runAt).toBeLessThan(4_000);
    // The goal is 10 ms on an idle machine. On a busy one the server waits for the processor.
    expect(await scriptP99Ms(raw)).toBeLessThan(100);
  },
);

const SECOND_MS = 1_000;

/** The number of retries that started in each second between the first and the last. */
function perSecond(lines: readonly Line[]): number[] {
  const at = lines.flatMap((line) => (line.e === 'start' && line.attempt > 1 ? [line.t] : []));
  const from = Math.min(...at);
  const counts = new Map<number, number>();
  for (const t of at) {
    const second = Math.floor((t - from) / SECOND_MS);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  const last = Math.max(...counts.keys());
  return Array.from({ length: last + 1 }, (_, second) => counts.get(second) ?? 0);
}

experiment(
  'X11',
  {
    title: 'everything fails for a while: a storm of retries',
    tier: 2,
    on: ['redis'],
    limitMs: 180_000,
  },
  async (run) => {
    const raw = await rawRedis(run.bed.server.port);
    run.cleanUp(() => raw.close());
    // The default backoff: 1 s, doubling, plus up to 25 %. Producers of the harness would use a shorter one.
    const backoff = {
      kind: 'exponential',
      initialMs: 1_000,
      maxMs: 300_000,
      factor: 2,
      jitter: 0.25,
    } as const;
    const count = run.times(2_000, 50_000);
    const fail = run.times(3, 6);
    const producer = await run.start({
      produce: {
        count,
        perSecond: run.times(400, 1_000),
        payload: { ms: 1, fail },
        options: { backoff, maxRetries: 10 },
        mix: { delayed: 0, failing: 0 },
      },
    });
    const [cpu, began] = [await cpuSeconds(raw), performance.now()];
    await run.fleet({ producers: 0, work: { concurrency: 50 } });
    await producer.produced(600_000);
    const { tasks } = await run.finish({ drainMs: run.times(60_000, 600_000) });
    const share = ((await cpuSeconds(raw)) - cpu) / ((performance.now() - began) / SECOND_MS);
    const counts = perSecond(run.lines());
    const mean = counts.reduce((sum, retries) => sum + retries, 0) / counts.length;
    run.fact('CPU of Redis, %', Math.round(share * 100));
    run.fact('retries per second, mean', Math.round(mean));
    run.fact('retries per second, peak', Math.max(...counts));
    expect(tasks.completed).toBe(count);
    expect(share).toBeLessThan(0.8);
    expect(Math.max(...counts)).toBeLessThan(3 * mean);
  },
);
