import { expect, test } from 'vitest';
import { parseCron } from './cron.ts';
import { Timetable, type TimedEntry } from './timetable.ts';

const at = (text: string) => Date.parse(`2026-05-14T${text}Z`);

function timetable(now: string, ...specs: readonly string[]) {
  let nowMs = at(now);
  const entries = specs.map((spec): TimedEntry & { spec: string } => ({
    spec,
    cron: parseCron(spec)!,
    nextMs: null,
    prevMs: null,
  }));
  const table = new Timetable({ wallMs: () => nowMs }, () => entries);
  for (const entry of entries) table.plan(entry);
  const dueAt = (text: string) => {
    nowMs = at(text);
    return table.takeDue().map(({ spec }) => spec);
  };
  return { table, entries, dueAt };
}

test('entries are due at their times, the earliest first', () => {
  const { dueAt, table } = timetable('10:00:30', '@hourly', '*/5 * * * *', '0 0 30 2 *');
  expect(table.waitMs()).toBe(270_000);
  expect(dueAt('10:04:59.999')).toEqual([]);
  expect(table.waitMs()).toBe(1);
  expect(dueAt('10:05:00')).toEqual(['*/5 * * * *']);
  expect(dueAt('10:05:00')).toEqual([]);
  expect(dueAt('11:02:00')).toEqual(['*/5 * * * *', '@hourly']);
});

test('a late entry is due once, and its next time is the first after now', () => {
  const { dueAt, entries } = timetable('10:00:00', '@every 10s');
  expect(dueAt('10:01:04.500')).toEqual(['@every 10s']);
  expect(entries).toMatchObject([{ prevMs: at('10:00:10'), nextMs: at('10:01:14') }]);
});

test('an entry that never fires does not end the wait', () => {
  expect(timetable('10:00:00', '0 0 30 2 *').table.waitMs()).toBe(Number.POSITIVE_INFINITY);
});

test('a clock that goes back a little repeats nothing; after one hour or more all entries are planned again', () => {
  const { dueAt } = timetable('10:00:30', '* * * * *');
  expect(dueAt('12:00:00')).toHaveLength(1);
  expect(dueAt('11:59:59')).toEqual([]);
  expect(dueAt('12:00:00')).toEqual([]);
  expect(dueAt('12:01:00')).toHaveLength(1);
  expect(dueAt('10:30:30')).toEqual([]);
  expect(dueAt('10:31:00')).toHaveLength(1);
});
