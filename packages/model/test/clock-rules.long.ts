// Rule C5 of the fault matrix: our clock rule in all time zones, 2015 to 2035, and in Apia in 2011, minute by minute.
import { expect, test } from 'vitest';
import { ownRule } from '../src/cron/clock-rules.ts';
import { readCronFields } from '../src/cron/cron-fields.ts';
import type { CronFields } from '../src/cron/dialects.ts';
import { zoneOf, type Zone } from '../src/cron/zone.ts';
import { changesOf, offsetsOf, plainOf, referenceTimes, type Change } from './clock-reference.ts';

const HOURS = 30;
const HOUR_MS = 3_600_000;
const MAX_NEXT_MS = 5;

const SPECS = [
  '30 2 * * *',
  '0 0 * * *',
  '*/20 1-3 * * *',
  '15,45 0-23 * * *',
  '0 0 1,15,30 * sun',
  '59 23 * * *',
  '0 */2 * * *',
  '*/15 * * * *',
].map((spec) => readCronFields(spec, 'asynq') as CronFields);

/** The longest calls, ms of the processor. A pause of the runtime may fall into any call: the tenth longest is compared. */
const longest: number[] = [];

function timesNear({ atMs }: Change, fields: CronFields, zone: Zone): number[] {
  const [fromMs, toMs] = [atMs - HOURS * HOUR_MS, atMs + HOURS * HOUR_MS];
  const cron = ownRule(fields, zone);
  const times: number[] = [];
  for (let ms: number | null = fromMs - 1; ms !== null;) {
    const before = process.cpuUsage();
    ms = cron.next(ms);
    longest.push(process.cpuUsage(before).user / 1_000);
    if (ms === null || ms > toMs) break;
    times.push(ms);
  }
  longest.sort((a, b) => b - a).length = Math.min(longest.length, 10);
  return times;
}

/** Zones with the same changes are compared once. */
const compared = new Set<string>();

function compare(name: string, changes: readonly Change[]): void {
  const zone = zoneOf(name);
  expect(zone, name).not.toBeNull();
  if (!zone) return;
  for (const change of changes) {
    expect([zone.offsetMs(change.atMs - 1), zone.offsetMs(change.atMs)], name).toEqual([
      change.before,
      change.after,
    ]);
    const key = JSON.stringify(change);
    if (compared.has(key)) continue;
    compared.add(key);
    for (const fields of SPECS) {
      const times = timesNear(change, fields, zone);
      expect(times, `${name} at ${new Date(change.atMs).toISOString()}`).toEqual(
        referenceTimes(plainOf(fields), change, { hours: HOURS, stepMs: 60_000 }),
      );
    }
  }
}

test('schedules fire as the rule says around every change of every zone', () => {
  const names = Intl.supportedValuesOf('timeZone');
  expect(names.length).toBeGreaterThan(400);
  for (const name of names) {
    compare(name, changesOf(offsetsOf(name), Date.UTC(2015, 0), Date.UTC(2036, 0)));
  }
  compare('Pacific/Apia', changesOf(offsetsOf('Pacific/Apia'), Date.UTC(2011, 0), Date.UTC(2012, 0)));
  expect(compared.size).toBeGreaterThan(500);
  expect(longest.at(-1), 'ms of a call').toBeLessThan(MAX_NEXT_MS);
});

test('no zone has changes that our look-ups do not see, since 1970', () => {
  for (const name of ['Africa/Casablanca', 'Asia/Gaza', 'America/Argentina/San_Luis', 'Antarctica/Casey']) {
    const changes = changesOf(offsetsOf(name), Date.UTC(1973, 0), Date.UTC(2036, 0));
    const seen = [...(zoneOf(name)?.changes(Date.UTC(1973, 0), Date.UTC(2036, 0)) ?? [])];
    expect(
      seen.map(({ atMs }) => atMs),
      name,
    ).toEqual(changes.map(({ atMs }) => atMs));
  }
});
