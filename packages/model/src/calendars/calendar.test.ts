import { expect, test } from 'vitest';
import {
  dateOf,
  dayNumberOf,
  isCalendarFault,
  MAX_CALENDAR_DATES,
  readCalendar,
  type CalendarFault,
} from './calendar.ts';

/** The fault of a value that must be refused. */
function faultOf(value: unknown): CalendarFault {
  const read = readCalendar(value);
  if (!isCalendarFault(read)) throw new Error(`${JSON.stringify(value)} was accepted`);
  return read;
}

const daysFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => dateOf(first + i));

test('a calendar has each of its dates once, in order', () => {
  expect(
    readCalendar({ off: ['2026-10-02', '2026-10-01', '2026-10-02'], on: ['2026-10-10', '2026-09-20'] }),
  ).toEqual({ off: ['2026-10-01', '2026-10-02'], on: ['2026-09-20', '2026-10-10'] });
});

test('a list that is left out is empty', () => {
  expect(readCalendar({ off: ['2028-02-29'] })).toEqual({ off: ['2028-02-29'], on: [] });
  expect(readCalendar({})).toEqual({ off: [], on: [] });
});

test.each([
  ['there is no such day', '2026-02-30'],
  ['the year is no leap year', '2027-02-29'],
  ['there is no such month', '2026-13-01'],
  ['there is no day 0', '2026-12-00'],
  ['there is no month 0', '2026-00-31'],
  ['a month has 30 days', '2026-06-31'],
  ['it is before 1970', '1969-12-31'],
  ['it is of the year 99', '0099-01-01'],
  ['it has a time', '2026-10-01T00:00:00Z'],
  ['it is written another way', '2026-1-1'],
  ['it has a sixth digit', '+012026-01-01'],
  ['it is blank', ''],
  ['it ends in a line break', '2026-10-01\n'],
])('a date is refused where %s', (_, date) => {
  expect(faultOf({ off: ['2026-10-01', date] })).toEqual({
    path: ['off', 1],
    got: date,
    expected: 'a date from 1970 on, such as `2026-10-01`',
  });
});

test('a value that is no text is refused as a date, and shown where it can be', () => {
  expect(faultOf({ on: [20_261_001] })).toMatchObject({ path: ['on', 0], got: '20261001' });
  expect(faultOf({ on: [{ date: '2026-10-01' }] })).toMatchObject({ path: ['on', 0], got: null });
  expect(faultOf({ on: [null] })).toMatchObject({ path: ['on', 0], got: null });
  // A hole.
  expect(faultOf({ on: Object.assign([], { length: 1 }) })).toMatchObject({ path: ['on', 0], got: null });
});

test('a long text is shown by its beginning', () => {
  expect(faultOf({ off: ['9'.repeat(1_000_000)] }).got).toBe('9'.repeat(64));
});

test('a date in both lists is refused', () => {
  const fault = faultOf({ off: ['2026-10-01', '2026-10-10'], on: ['2026-09-20', '2026-10-10'] });
  expect(fault).toMatchObject({ path: ['on', 1], got: '2026-10-10' });
  expect(fault.expected).toContain('not in `off`');
});

test.each([[null], [undefined], ['2026-10-01'], [7], [['2026-10-01']]])('%j is no calendar', (value) => {
  expect(faultOf(value)).toMatchObject({ path: [], expected: 'an object with the lists `off` and `on`' });
});

test('a list must be a list', () => {
  expect(faultOf({ off: '2026-10-01' })).toEqual({
    path: ['off'],
    got: '2026-10-01',
    expected: 'a list of dates',
  });
  expect(faultOf({ on: null })).toMatchObject({ path: ['on'], got: null });
});

test('an unknown field is refused, with the one that was probably meant', () => {
  expect(faultOf({ of: [] })).toEqual({ path: ['of'], got: null, expected: 'the field `off`' });
  expect(faultOf({ off: [], holidays: [] })).toMatchObject({
    path: ['holidays'],
    expected: 'no fields but `off` and `on`',
  });
});

test('the days of four centuries and their dates tell each other', () => {
  for (let day = 0; day < 146_097; day += 13)
    if (dayNumberOf(dateOf(day)) !== day) expect(dateOf(day)).toBe(day);
  expect(dateOf(0)).toBe('1970-01-01');
  expect(dateOf(20_736)).toBe('2026-10-10');
});

test('a calendar has a bounded number of dates', () => {
  const half = MAX_CALENDAR_DATES / 2;
  const [off, on] = [daysFrom(20_000, half), daysFrom(30_000, half)];
  expect(readCalendar({ off, on })).toEqual({ off, on });
  expect(faultOf({ off: [...off, '2100-01-01'], on })).toEqual({
    path: [],
    got: '4001 dates',
    expected: 'at most 4000 dates in both lists together',
  });
});
