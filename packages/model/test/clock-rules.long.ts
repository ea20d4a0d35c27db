// Rule C5 of the fault matrix: our clock rule in all time zones, 2015 to 2035, and in Apia in 2011, minute by minute and second
// by second, forwards, backwards and by number.
import { expect, test } from 'vitest';
import { ownRule } from '../src/cron/clock-rules.ts';
import { readCronFields } from '../src/cron/cron-fields.ts';
import type { CronFields } from '../src/cron/dialects.ts';
import type { Times } from '../src/cron/reading.ts';
import { zoneOf } from '../src/cron/zone.ts';
import {
  changesOf,
  offsetsOf,
  plainOf,
  referenceTimes,
  type Change,
  type Window,
} from './clock-reference.ts';
import { expectFires } from './fire-checks.ts';

const HOURS = 30;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;
const MAX_NEXT_MS = 5;

const fieldsOf = (spec: string) => readCronFields(spec, 'unix') as CronFields;
const BY_MINUTES = [
  '30 2 * * *',
  '0 0 * * *',
  '*/20 1-3 * * *',
  '15,45 0-23 * * *',
  '0 0 1,15,30 * sun',
  '59 23 * * *',
  '0 */2 * * *',
  '*/15 * * * *',
].map(fieldsOf);
/** A second before, at, and after the changes that there are, and often. */
const BY_SECONDS = ['59,0,1 59,0,30 0-3,22-23 * * *', '*/40 */10 * * * *'].map(fieldsOf);
const NEAR_HOURS = 3;

/** More calls than the runtime pauses in: its pauses count as time of the processor, too. */
const LONGEST = 100;
/** The longest calls, ms of the processor. The last of them is compared. */
const longest: number[] = [];

/** The same schedule, with each call of `next` measured. */
function measured(times: Times): Times {
  const next = (afterMs: number): number | null => {
    const before = process.cpuUsage();
    const fireMs = times.next(afterMs);
    const ms = process.cpuUsage(before).user / 1_000;
    if (longest.length < LONGEST || ms > (longest.at(-1) ?? 0)) {
      longest.push(ms);
      longest.sort((a, b) => b - a).length = Math.min(longest.length, LONGEST);
    }
    return fireMs;
  };
  return { ...times, next };
}

function compareNear(name: string, change: Change, window: Window): void {
  const zone = zoneOf(name)!;
  const aroundMs = window.hours * HOUR_MS;
  for (const fields of window.stepMs < MINUTE_MS ? BY_SECONDS : BY_MINUTES) {
    const expected = referenceTimes(plainOf(fields), change, window);
    const where = [change.atMs - aroundMs - 1, change.atMs + aroundMs] as const;
    expectFires(measured(ownRule(fields, zone)), expected, where);
  }
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
    compareNear(name, change, { hours: HOURS, stepMs: MINUTE_MS });
    if (Math.abs(change.after - change.before) < NEAR_HOURS * HOUR_MS)
      compareNear(name, change, { hours: NEAR_HOURS, stepMs: SECOND_MS });
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
