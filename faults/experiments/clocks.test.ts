// Wrong wall clocks of workers and producers, and leases by the clock of a Go host.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { experiment } from '../harness/experiment.ts';
import { fakeClock, type FakeClock } from '../harness/fake-clock.ts';
import { GO_GRACE_S, heldByGo } from '../harness/go-leases.ts';
import { now, until } from '../harness/history.ts';
import type { Run } from '../harness/run.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Long tasks, during which leases are renewed several times. */
const LONG = { ms: [200, 9_000] } as const;
/** Long enough that a clock one hour ahead does not let completed tasks expire. */
const KEPT = { retention: '7d' } as const;

function clockFor(run: Run): FakeClock {
  const clock = fakeClock();
  run.cleanUp(() => clock.remove());
  return clock;
}

experiment(
  'T1',
  {
    title: 'the clocks of workers are one hour ahead and one hour behind',
    tier: 2,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const ahead = clockFor(run);
    const behind = clockFor(run);
    ahead.set(HOUR_MS);
    behind.set(-HOUR_MS);
    const produce = { perSecond: 4, mix: LONG, options: KEPT };
    if (run.bed.isSingleProcess) {
      await run.fleet({ produce, launch: { env: run.random.pick([ahead, behind]).env } });
    } else {
      await run.fleet({ workers: 2, produce, launch: { env: ahead.env } });
      await run.fleet({ workers: 2, producers: 0, launch: { env: behind.env } });
    }
    await run.flow(run.times(100, 1_000), 300_000);
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'T2',
  {
    title: 'the clock of all workers and producers jumps by one hour, back and forth, every 5 s',
    tier: 1,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const clock = clockFor(run);
    clock.set(0);
    // SQLite has only this clock: a task delayed while it is wrong by an hour would be due an hour later.
    const mix = run.bed.isSingleProcess ? { ...LONG, delayed: 0, failing: 0 } : LONG;
    await run.fleet({ produce: { perSecond: 4, mix, options: KEPT }, launch: { env: clock.env } });
    for (let i = 0; i < run.times(3, 30); i += 1) {
      await sleep(5_000);
      clock.set([HOUR_MS, 0, -HOUR_MS, 0][i % 4] ?? 0);
    }
    clock.set(0);
    const { engine } = await run.finish();
    expect(engine['tasks.recovered'] ?? 0, 'reclaims').toBe(0);
  },
);

experiment(
  'T5',
  {
    title: 'a delay of 60 days, longer than timers can wait',
    tier: 2,
    on: ['sqlite'],
  },
  async (run) => {
    const clock = clockFor(run);
    clock.set(0);
    const delayMs = 60 * DAY_MS;
    const options = { retention: '90d' } as const;
    const tasks = [{ options: { ...options, delay: '60d' } as const }, { payload: { ms: 20 }, options }];
    await run.fleet({
      producers: 1,
      produce: { count: 40, perSecond: 20, tasks },
      launch: { env: clock.env },
    });
    // Every second task is delayed.
    const isDelayed = (id: string) => Number(id.split('-').at(-1)) % 2 === 1;
    const at = (e: 'start' | 'call') =>
      new Map(run.lines().flatMap((line) => (line.e === e && isDelayed(line.id) ? [[line.id, line.t]] : [])));
    const others = () => run.lines().filter((line) => line.e === 'start' && !isDelayed(line.id)).length;
    await until(() => others() === 20, { what: 'the other tasks run' });
    expect(at('start').size, 'starts before their time').toBe(0);
    const beforeMs = 10_000;
    clock.set(delayMs - beforeMs);
    await until(() => at('start').size === 20, { what: 'all tasks have started' });
    const calls = at('call');
    const late = [...at('start')].map(([id, t]) => t - (calls.get(id) ?? NaN) - beforeMs);
    const [earliest, latest] = [Math.min(...late), Math.max(...late)];
    run.fact('after 60 days, ms', `${Math.round(earliest)} to ${Math.round(latest)}`);
    expect(earliest, 'ms after 60 days').toBeGreaterThan(-1);
    expect(latest, 'ms after 60 days').toBeLessThan(2_000);
    await run.finish();
  },
);

experiment(
  'T6',
  {
    title: 'leases as Go workers write them are left alone until 30 s after their end',
    tier: 2,
    on: ['redis'],
  },
  async (run) => {
    const nowS = Math.floor(Date.now() / 1_000);
    const ends = await heldByGo(run, run.times(10, 50), () => nowS + Math.round(run.random.between(-25, 5)));
    const originMs = Date.now() - now();
    await run.fleet({ workers: 3, produce: { perSecond: 10 } });
    const starts = () =>
      run.lines().flatMap((line) => (line.e === 'start' && ends.has(line.id) ? [line] : []));
    await until(() => starts().length >= ends.size, { what: 'all tasks run again', limitMs: 60_000 });
    await run.finish();
    const afterMs = starts().map(
      ({ id, t }) => t + originMs - 1_000 * ((ends.get(id) ?? Infinity) + GO_GRACE_S),
    );
    const [earliest, latest] = [Math.min(...afterMs), Math.max(...afterMs)];
    run.fact('started after lease and grace, ms', `${Math.round(earliest)} to ${Math.round(latest)}`);
    expect(earliest, 'ms after lease and grace').toBeGreaterThan(0);
    expect(latest, 'ms after lease and grace').toBeLessThan(10_000);
    expect(starts().length, 'starts').toBe(ends.size);
  },
);
