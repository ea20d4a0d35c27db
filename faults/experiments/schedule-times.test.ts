// The times of schedules: clocks that are set for summer and winter, and times that never come.
import { isTaskCenterError, Schedules, connect } from '@task-center/engine';
import { expect } from 'vitest';
import { readCronFields } from '../../packages/model/src/cron/cron-fields.ts';
import type { CronFields } from '../../packages/model/src/cron/dialects.ts';
import { changesOf, offsetsOf, plainOf, referenceTimes } from '../../packages/model/test/clock-reference.ts';
import { experiment } from '../harness/experiment.ts';
import { fakeClock } from '../harness/fake-clock.ts';
import { finishFires } from '../harness/finish-fires.ts';
import { madeTimes } from '../harness/fires.ts';
import { until } from '../harness/history.ts';
import type { PlainSchedule } from '../harness/member.ts';
import { histogram } from '../harness/recovery.ts';
import { putSchedules, startFiring } from '../harness/schedulers.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Schedules fire this long before and after a change of the clock. */
const WINDOW_HOURS = 3;
const CRONS = ['30 2 * * *', '0 0 * * *', '15,45 0-3 * * *', '*/30 * * * *'];
/** By an hour and by half an hour, in the night and at midnight, in the north and in the south; the last one never. */
const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Africa/Cairo',
  'Asia/Beirut',
  'America/Havana',
  'Asia/Shanghai',
];

/** A schedule around one change of a clock, and when it must fire. */
interface Around {
  readonly changeMs: number;
  readonly schedule: PlainSchedule;
  readonly times: readonly number[];
}

/** The schedules around the changes of a zone's clock within a year. */
function aroundChanges(timezone: string, fromMs: number): Around[] {
  return changesOf(offsetsOf(timezone), fromMs, fromMs + 365 * DAY_MS).flatMap((change, i) =>
    CRONS.flatMap((cron, j) => {
      const [startsAtMs, endsAtMs] = [-1, 1].map((sign) => change.atMs + sign * WINDOW_HOURS * HOUR_MS) as [
        number,
        number,
      ];
      const plain = plainOf(readCronFields(cron, 'unix') as CronFields);
      const found = referenceTimes(plain, change, { hours: WINDOW_HOURS, stepMs: MINUTE_MS });
      const times = found.filter((ms) => ms >= startsAtMs && ms < endsAtMs);
      // One that never fires is refused.
      if (times.length === 0) return [];
      const id = `${timezone.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')}-${i}-${j}`;
      const schedule: PlainSchedule = {
        id,
        cron,
        timezone,
        startsAtMs,
        endsAtMs,
        misfire: { policy: 'catch_up', limit: 1_000, grace: '7d' },
        task: { task: 'task', payload: {}, retention: '500d' },
      };
      return [{ changeMs: change.atMs, schedule, times }];
    }),
  );
}

experiment(
  'C5',
  {
    title: 'the clocks of time zones are set forward and back while schedules fire',
    tier: 1,
    on: ['sqlite'],
  },
  async (run) => {
    const clock = fakeClock();
    run.cleanUp(() => clock.remove());
    const fromMs = Math.ceil(Date.now() / HOUR_MS + 24) * HOUR_MS;
    const zones = run.times(0, 1) === 1 ? Intl.supportedValuesOf('timeZone') : ZONES;
    const around = zones.flatMap((zone) => aroundChanges(zone, fromMs));
    const moments = [...new Set(around.map(({ changeMs }) => changeMs))].sort((a, b) => a - b);
    clock.set(Math.min(...moments) - 2 * WINDOW_HOURS * HOUR_MS - Date.now());
    const starts = () => new Set(run.lines().flatMap((line) => (line.e === 'start' ? [line.id] : []))).size;
    await putSchedules(run, () => around.map(({ schedule }) => schedule));
    await run.start({
      work: { concurrency: 50 },
      produce: { count: 0 },
      schedules: { queues: ['default'] },
      launch: { env: clock.env },
    });
    let expected = 0;
    for (const moment of moments) {
      const now = around.filter(({ changeMs }) => changeMs === moment);
      expected += now.reduce((sum, { times }) => sum + times.length, 0);
      clock.set(moment + WINDOW_HOURS * HOUR_MS - Date.now());
      const what = `the fires around ${new Date(moment).toISOString()} have started`;
      await until(() => starts() >= expected, { what });
    }
    await run.finish();
    const made = madeTimes(run.content!);
    const wrong = around.filter(({ schedule, times }) => String(made.get(schedule.id)) !== String(times));
    run.fact(
      'changes of clocks',
      new Set(around.map(({ schedule, changeMs }) => `${schedule.timezone} ${changeMs}`)).size,
    );
    run.fact('fires', `${[...made.values()].flat().length} of ${expected}`);
    expect(wrong.map(({ schedule: { id, cron } }) => `${id}: ${cron}`)).toEqual([]);
  },
);

/** Times that never come, or that are none. */
const IMPOSSIBLE: readonly Partial<PlainSchedule>[] = [
  { cron: '0 0 31 2 *' },
  { cron: '0 0 30 2 *' },
  { cron: '0 0 31 4,6,9,11 *' },
  { cron: '0 0 0 31 2 ?', dialect: 'quartz' },
  { cron: '0 0 0 ? 2 2#6', dialect: 'quartz' },
  { cron: '60 * * * *' },
  { cron: '* * * *' },
  { cron: '* * * * *', timezone: 'Mars/Olympus' },
  { cron: '0 0 29 2 *', startsAtMs: Date.UTC(2097, 0), endsAtMs: Date.UTC(2103, 0) },
  { cron: '0 0 1 1 *', startsAtMs: Date.UTC(2097, 1), endsAtMs: Date.UTC(2097, 11) },
  { every: '1s', startsAtMs: Date.UTC(2097, 1), endsAtMs: Date.UTC(2097, 0) },
  { every: '0s' },
];

experiment(
  'C7',
  {
    title: 'schedules that can never fire are refused, and disturb no other',
    tier: 1,
    on: ['redis', 'sqlite'],
  },
  async (run) => {
    const broker = await connect(run.bed.url, { log: false });
    const schedules = new Schedules(broker);
    const took: number[] = [];
    for (let i = 0; i < run.times(10, 200); i += 1) {
      for (const { startsAtMs, endsAtMs, ...times } of IMPOSSIBLE) {
        const bounds = {
          ...(startsAtMs !== undefined && { startsAt: new Date(startsAtMs) }),
          ...(endsAtMs !== undefined && { endsAt: new Date(endsAtMs) }),
        };
        const began = performance.now();
        const refused = await schedules
          .put({ id: 'never', task: { task: 'task', payload: {} }, ...times, ...bounds })
          .then(
            () => null,
            (error: unknown) => error,
          );
        took.push(performance.now() - began);
        expect(isTaskCenterError(refused, 'invalid-value'), JSON.stringify(times)).toBe(true);
      }
    }
    expect(await schedules.list()).toEqual([]);
    await broker.close();
    const { n, p50, p99, max } = histogram(took)!;
    run.fact('ms until refused', `${p50} / ${p99} / ${max} (p50 / p99 / longest of ${n})`);
    expect(p50, 'ms until refused').toBeLessThan(50);
    const span = await startFiring(run, { schedulers: 1 }, { count: 5, seconds: 3 });
    await finishFires(run, span);
  },
);
