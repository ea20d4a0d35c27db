// Compares the fires of random cron texts with a reference that walks from day to day, or from moment to moment.
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { isCronFault, type DayFilter, type FireNote, type Times } from '../src/cron/reading.ts';
import { readTimes } from '../src/cron/times.ts';
import { changesOf, offsetsOf, referenceTimes, type Change, type PlainSchedule } from './clock-reference.ts';
import { randomCrons, type DialectName, type RandomCron } from './random-crons.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_SECONDS = 86_400;
const DAY_MS = DAY_SECONDS * SECOND_MS;
/** The longest time without a fire: to the next 29 February that is a Friday, around the year 2100. */
const MAX_DAYS = 40 * 366;
const FIRES = 30;

/** Clocks that go forward and back by an hour, by half an hour and by two, at midnight, and by a day. */
const ZONES = [
  'America/New_York',
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Asia/Pyongyang',
  'Antarctica/Troll',
  'Pacific/Apia',
];
/** With the year 2011, in which Apia left out a day. */
const YEARS = [
  [2011, 2013],
  [2017, 2019],
  [2025, 2028],
] as const;
const allChanges = ZONES.flatMap((zone) =>
  YEARS.flatMap(([from, to]) =>
    changesOf(offsetsOf(zone), Date.UTC(from, 0), Date.UTC(to, 0)).map((change) => ({ zone, change })),
  ),
);

/** A calendar with some days off and some on. */
const filters = fc.option(
  fc.nat({ max: 1_000 }).map((seed) => (day: number) => {
    const drawn = ((day + seed) * 7_919) % 23;
    return drawn < 4 ? 'off' : drawn < 8 ? 'on' : null;
  }),
  { nil: undefined },
);

function timesOf({ text, dialect, isPossible }: RandomCron, timezone: string, dayFilter?: DayFilter) {
  const times = readTimes({ cron: text, dialect, timezone, dayFilter });
  if (!isCronFault(times)) return times;
  expect(times.expected, text).toBe('a day that one of its months has');
  expect(isPossible, text).toBe(false);
  return null;
}

/** All fires after a moment up to another one, asked forwards and backwards and by number. */
export function expectFires(
  times: Times,
  expected: readonly number[],
  [afterMs, toMs]: readonly [number, number],
): void {
  const fires: number[] = [];
  for (let ms = times.next(afterMs); ms !== null && ms <= toMs; ms = times.next(ms)) {
    fires.push(ms);
    if (fires.length > expected.length) break;
  }
  expect(fires).toEqual(expected);
  const backwards: number[] = [];
  for (let ms = times.previous(toMs, afterMs); ms !== null; ms = times.previous(ms - 1, afterMs)) {
    backwards.push(ms);
    if (backwards.length > expected.length) break;
  }
  expect(backwards.reverse()).toEqual(expected);
  expect(times.count(afterMs, toMs)).toBe(expected.length);
}

/** The first fires, day by day and second by second, where no clock is set. */
function firesFrom(cron: RandomCron, fromMs: number, filter?: DayFilter): number[] {
  const fires: number[] = [];
  const [fromDay, firstSecond] = [Math.floor(fromMs / DAY_MS), (fromMs / SECOND_MS) % DAY_SECONDS];
  for (let day = fromDay; day < fromDay + MAX_DAYS && fires.length < FIRES; day += 1) {
    if (!cron.hasDay(day, filter)) continue;
    const seconds = day === fromDay ? cron.seconds.filter((second) => second >= firstSecond) : cron.seconds;
    fires.push(...seconds.slice(0, FIRES).map((second) => day * DAY_MS + second * SECOND_MS));
  }
  return fires.slice(0, FIRES);
}

/** The first fires of random texts, which may be decades apart. */
export function compareFires(
  dialect: DialectName,
  { numRuns, seed }: { numRuns: number; seed: number },
): void {
  const starts = fc
    .integer({ min: Date.UTC(2015, 0) / SECOND_MS, max: Date.UTC(2035, 0) / SECOND_MS })
    .map((second) => second * SECOND_MS);
  const property = fc.property(randomCrons(dialect), starts, filters, (cron, fromMs, filter) => {
    const times = timesOf(cron, 'UTC', filter);
    const fires = firesFrom(cron, fromMs, filter);
    if (!times) return expect(fires).toEqual(cron.dialect === 'quartz' ? [] : fires);
    expectFires(times, fires, [fromMs - 1, fires.at(-1) ?? fromMs]);
    expect(fires.map((fireMs) => times.noteOf(fireMs))).toEqual(fires.map(() => null));
  });
  fc.assert(property, { numRuns, seed });
}

/** All fires of random texts near changes of a clock: 40 hours by minutes, or 4 hours by seconds. */
export function compareNearChanges(
  dialect: DialectName,
  { numRuns, seed }: { numRuns: number; seed: number },
): void {
  const changes = fc.constantFrom(...allChanges);
  const property = fc.property(randomCrons(dialect), changes, filters, (cron, { zone, change }, filter) => {
    const times = timesOf(cron, zone, filter);
    if (!times) return;
    const isShort = Math.abs(change.after - change.before) <= 2 * HOUR_MS;
    if (cron.hasSeconds && !isShort) return;
    const window = cron.hasSeconds ? { hours: 4, stepMs: SECOND_MS } : { hours: 40, stepMs: MINUTE_MS };
    const fires = referenceTimes(plainOf(cron, filter), change, window);
    const aroundMs = window.hours * HOUR_MS;
    expectFires(times, fires, [change.atMs - aroundMs - 1, change.atMs + aroundMs]);
    expectNotes(times, { cron: plainOf(cron, filter), change, fires });
    expectParts(times, fires, change.atMs);
  });
  fc.assert(property, { numRuns, seed });
}

function plainOf(cron: RandomCron, filter?: DayFilter): PlainSchedule {
  const isSecond = new Uint8Array(DAY_SECONDS);
  for (const second of cron.seconds) isSecond[second] = 1;
  let [day, isDay] = [Number.NaN, false];
  return {
    isFixed: cron.isFixed,
    matches(localMs) {
      if (isSecond[(localMs / SECOND_MS) % DAY_SECONDS] === 0) return false;
      const localDay = Math.floor(localMs / DAY_MS);
      if (localDay !== day) [day, isDay] = [localDay, cron.hasDay(localDay, filter)];
      return isDay;
    },
  };
}

interface Near {
  readonly cron: PlainSchedule;
  readonly change: Change;
  readonly fires: readonly number[];
}

/** At the end of a gap, and in the first of two hours. */
function noteFor(fireMs: number, { cron, change: { atMs, before, after } }: Near): FireNote | null {
  if (!cron.isFixed) return null;
  if (fireMs < atMs) return fireMs + before >= atMs + after ? 'dst_repeat' : null;
  const isInGap = fireMs === atMs && gapOf(before, after).some((ms) => cron.matches(atMs + before + ms));
  return isInGap ? 'dst_gap' : null;
}

/** The seconds of a gap. */
const gapOf = (before: number, after: number): number[] =>
  Array.from({ length: Math.max(0, after - before) / SECOND_MS }, (_, i) => i * SECOND_MS);

function expectNotes(times: Times, near: Near): void {
  const notes = near.fires.map((fireMs) => times.noteOf(fireMs));
  expect(notes).toEqual(near.fires.map((fireMs) => noteFor(fireMs, near)));
}

/** The count of any part is that of its fires. */
function expectParts(times: Times, fires: readonly number[], atMs: number): void {
  for (const [afterMs, toMs] of [
    [atMs - 1, atMs],
    [atMs - HOUR_MS, atMs - 1],
    [atMs - 90 * MINUTE_MS, atMs + 30 * MINUTE_MS],
    [atMs + 17, atMs + 2 * HOUR_MS],
    [atMs, atMs - HOUR_MS],
  ] as const) {
    const part = fires.filter((ms) => ms > afterMs && ms <= toMs);
    expect(times.count(afterMs, toMs)).toBe(part.length);
    expect(times.previous(toMs, afterMs)).toBe(part.at(-1) ?? null);
    expect(times.next(afterMs)).toBe(fires.find((ms) => ms > afterMs) ?? times.next(afterMs));
  }
}
