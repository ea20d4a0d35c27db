import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { schedulerEntriesKey, SCHEDULERS_KEY } from '../../packages/engine/src/protocol/keys.ts';
import {
  parseOption,
  writeOption,
  type EntryOption,
} from '../../packages/engine/src/protocol/option-strings.ts';
import { encodeSchedulerEntry } from '../../packages/engine/src/protocol/scheduler-entry.ts';
import { checkedCron } from '../../packages/engine/src/task/checked.ts';
import { interopBed, item, nowS } from '../support/bed.ts';

/** Without Lord Howe, whose clock changes by half an hour: there Go misses times that exist. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Australia/Sydney',
  'Pacific/Auckland',
];

const field = (min: number, max: number, names: readonly string[] = []) => {
  const value = fc.integer({ min, max });
  const span = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: 20 });
  const one = fc.oneof(
    value.map(String),
    span,
    fc.tuple(fc.oneof(fc.constantFrom('*', '?'), value.map(String), span), step).map(([a, b]) => `${a}/${b}`),
    ...(names.length > 0 ? [fc.constantFrom(...names)] : []),
  );
  const list = fc.array(one, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
  return fc.oneof({ arbitrary: fc.constantFrom('*', '?'), weight: 2 }, { arbitrary: list, weight: 3 });
};
const fields = fc.tuple(
  field(0, 59),
  field(0, 23),
  field(1, 31),
  field(1, 12, ['jan', 'MAR', 'Dec']),
  field(0, 6, ['sun', 'WED', 'Sat']),
);
const names = fc.constantFrom('@yearly', '@monthly', '@weekly', '@daily', '@midnight', '@hourly');
const everies = fc.constantFrom('@every 90s', '@every 1h30m', '@every 300ms', '@every 2.7s', '@every 0');
const schedules = fc
  .tuple(
    fc.constantFrom('', ...ZONES.flatMap((zone) => [`TZ=${zone} `, `CRON_TZ=${zone} `])),
    fc.oneof({ arbitrary: fields.map((texts) => texts.join(' ')), weight: 8 }, names, everies),
  )
  .map((texts) => texts.join(''));
const from = Date.UTC(2025, 0);
const startTimes = fc.integer({ min: from, max: from + 3 * 365 * 86_400_000 });

/** The rules of Go. Our own differ: docs/schedules.md. */
const ASYNQ = { profile: 'asynq' } as const;

function ourTimes(spec: string, fromMs: number, count: number): number[] {
  const cron = checkedCron(spec, ASYNQ);
  const times: number[] = [];
  for (let ms = cron.next(fromMs); ms !== null && times.length < count; ms = cron.next(ms)) times.push(ms);
  return times;
}

describe('scheduler: specs and option texts', () => {
  const bed = interopBed();

  item(
    '102 schedules fire at the times that Go computes, in every time zone',
    { timeout: 60_000 },
    async () => {
      const go = bed.go();
      const expectSame = async (spec: string, fromMs: number) => {
        expect(ourTimes(spec, fromMs, 8), spec).toEqual(await go.cron(spec, fromMs, 8));
      };
      await fc.assert(fc.asyncProperty(schedules, startTimes, expectSame), { seed: 102, numRuns: 600 });
    },
  );

  item('102 on a day with a clock change schedules fire as in Go', { timeout: 60_000 }, async () => {
    const go = bed.go();
    const days = [Date.UTC(2026, 2, 7), Date.UTC(2026, 2, 28), Date.UTC(2026, 3, 4), Date.UTC(2026, 8, 26)];
    days.push(Date.UTC(2026, 9, 3), Date.UTC(2026, 9, 24), Date.UTC(2026, 9, 31));
    for (const zone of ZONES)
      for (const spec of ['30 2 * * *', '0 3 * * *', '*/20 1-3 * * *', '15 * * * *'])
        for (const day of days) {
          const text = `TZ=${zone} ${spec}`;
          expect(ourTimes(text, day, 40), text).toEqual(await go.cron(text, day, 40));
        }
  });

  item('102 we refuse the specs that Go refuses', async () => {
    const go = bed.go();
    for (const spec of [
      '',
      '0 0 * * 7',
      '* * * * * *',
      '@reboot',
      '* * L * *',
      '5-1 * * * *',
      '*/0 * * * *',
      '@every x',
    ]) {
      await expect(go.cron(spec, 0, 1), spec).rejects.toThrow();
      expect(() => checkedCron(spec, ASYNQ), spec).toThrow();
    }
  });

  item(
    '102 with the profile `asynq` we accept what Go accepts, although it never fires, or not as written',
    async () => {
      const go = bed.go();
      for (const spec of [
        '0 0 31 2 *',
        ', * * * *',
        '1,,2 * * * *',
        '*-5 * * * *',
        '+5 00012 * * *',
        '*/90 * * * *',
        '30/45 8-10/9 * * *',
        '0 0 30/5 * */7',
        '@every 500ms',
        '@every 1.5s',
        '@every -5m',
        'TZ=Europe/Berlin @every 24h',
      ])
        expect(ourTimes(spec, from, 4), spec).toEqual(await go.cron(spec, from, 4));
    },
  );

  item('101 Go → us: we read the option texts of Go and write them again unchanged', async () => {
    const texts = await bed.go().optionTexts();
    expect(texts).toHaveLength(10);
    expect(texts.map((text) => writeOption(parseOption(text) as EntryOption))).toEqual(texts);
  });

  item('101 us → Go: the inspector of Go reads our option texts', async () => {
    const atMs = Date.UTC(2026, 4, 3, 7, 8, 9);
    const options: EntryOption[] = [
      { name: 'MaxRetry', value: 3 },
      { name: 'Queue', value: 'a "b" \\\n\u00a0ü🚚' },
      { name: 'Timeout', ms: 90_000 },
      { name: 'Unique', ms: 3_600_000 },
      { name: 'ProcessIn', ms: 1.5 },
      { name: 'Retention', ms: 90_000_250 },
      { name: 'Deadline', atMs },
      { name: 'ProcessAt', atMs },
    ];
    const texts = options.map(writeOption);
    const entry = { id: 'e', spec: '@daily', taskType: 'x', taskPayload: null };
    const times = { nextEnqueueTime: null, prevEnqueueTime: null };
    await bed.ask('ZADD', SCHEDULERS_KEY, nowS() + 60, schedulerEntriesKey('h:1:x'));
    await bed.ask(
      'RPUSH',
      schedulerEntriesKey('h:1:x'),
      encodeSchedulerEntry({ ...entry, ...times, enqueueOptions: texts }),
    );
    const seen = await bed.go().inspect<{ options: string[] }[]>('schedulerEntries');
    expect(seen.map(({ options: read }) => read)).toEqual([texts]);
  });
});
