import { expect, test } from 'vitest';
import { calendarDays } from './calendar-days.ts';
import { dayNumberOf } from './calendar.ts';

const days = calendarDays({ off: ['1970-01-01', '2026-10-01'], on: ['2026-10-10', '2028-02-29'] });
const day = (date: string) => dayNumberOf(date) ?? Number.NaN;

test('the filter of a calendar tells days off and worked days by their number since 1970', () => {
  expect(days.dayFilter(0)).toBe('off');
  expect(days.dayFilter(day('2026-10-01'))).toBe('off');
  expect(days.dayFilter(20_736)).toBe('on');
  expect(day('2026-10-10')).toBe(20_736);
  expect(days.dayFilter(day('2028-02-29'))).toBe('on');
});

test('the filter of a calendar says nothing about other days', () => {
  for (const other of [day('2026-09-30'), day('2026-10-02'), day('2040-01-01'), -1, Number.NaN])
    expect(days.dayFilter(other)).toBeNull();
});

test('a calendar knows the years of its dates', () => {
  expect([...days.years]).toEqual([1970, 2026, 2028]);
});

test('the note of a fire tells a worked day, and a year without data', () => {
  expect(days.note(day('2026-10-10'))).toBe('calendar_on');
  expect(days.note(day('2026-10-11'))).toBeNull();
  expect(days.note(day('2026-01-01'))).toBeNull();
  expect(days.note(day('2026-12-31'))).toBeNull();
  expect(days.note(day('2027-01-01'))).toBe('calendar_unknown');
  expect(days.note(day('2025-12-31'))).toBe('calendar_unknown');
});

test('an empty calendar knows no year and filters nothing', () => {
  const empty = calendarDays({ off: [], on: [] });
  expect(empty.dayFilter(day('2026-10-01'))).toBeNull();
  expect(empty.note(day('2026-10-01'))).toBe('calendar_unknown');
});
