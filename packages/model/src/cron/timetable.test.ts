import { describe, expect, test } from 'vitest';
import { readCron } from './cron.ts';
import type { Cron, CronOptions } from './reading.ts';
import { Timetable, type TimedEntry } from './timetable.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const at = (text: string) => Date.parse(`2026-05-14T${text}Z`);

function timetable(now: string, specs: readonly string[], options: CronOptions = {}) {
  let nowMs = at(now);
  const forgotten: string[] = [];
  const entries = specs.map((spec): TimedEntry & { spec: string } => ({
    spec,
    cron: readCron(spec, options) as Cron,
    nextMs: null,
    prevMs: null,
  }));
  const table = new Timetable({ wallMs: () => nowMs }, () => entries, {
    onForgotten: (those) => void forgotten.push(...those.map(({ spec }) => spec)),
  });
  for (const entry of entries) table.plan(entry);
  const dueAt = (text: string) => {
    nowMs = at(text);
    return table.takeDue().map(({ spec }) => spec);
  };
  /** Lets time pass, as a scheduler does that looks each second. Returns the planned times, `hh:mm`, of what fired. */
  function pass(ms: number): string[] {
    const fired: string[] = [];
    for (const endMs = nowMs + ms; nowMs < endMs;) {
      nowMs += Math.min(SECOND_MS, endMs - nowMs);
      for (const { prevMs } of table.takeDue()) fired.push(new Date(prevMs ?? 0).toISOString().slice(11, 16));
    }
    return fired;
  }
  const step = (ms: number) => void (nowMs += ms);
  return { table, entries, dueAt, pass, step, forgotten };
}

test('entries are due at their times, the earliest first', () => {
  const { dueAt, table } = timetable('10:00:30', ['@hourly', '*/5 * * * *', '0 0 1 1 *']);
  expect(table.waitMs()).toBe(270_000);
  expect(dueAt('10:04:59.999')).toEqual([]);
  expect(table.waitMs()).toBe(1);
  expect(dueAt('10:05:00')).toEqual(['*/5 * * * *']);
  expect(dueAt('10:05:00')).toEqual([]);
  expect(dueAt('11:02:00')).toEqual(['*/5 * * * *', '@hourly']);
});

test('a late entry is due once, and its next time is the first after now', () => {
  const { dueAt, entries } = timetable('10:00:00', ['@every 10s']);
  expect(dueAt('10:01:04.500')).toEqual(['@every 10s']);
  expect(entries).toMatchObject([{ prevMs: at('10:00:10'), nextMs: at('10:01:10') }]);
});

test('an entry that never fires does not end the wait', () => {
  const { table } = timetable('10:00:00', ['0 0 30 2 *'], { profile: 'asynq' });
  expect(table.waitMs()).toBe(Number.POSITIVE_INFINITY);
});

describe('when the clock is set back', () => {
  test.each(['@every 60s', '* * * * *', '0-59 10-12 * * *'])(
    '%s goes on at once with times that have not fired, and leaves out those that have',
    (spec) => {
      const { pass, step, forgotten } = timetable('11:00:00', [spec]);
      expect(pass(130 * SECOND_MS)).toEqual(['11:01', '11:02']);
      step(-45 * MINUTE_MS);
      expect(pass(2 * MINUTE_MS)).toEqual(['10:18', '10:19']);
      const later = pass(HOUR_MS);
      expect(later).toHaveLength(58);
      expect(later).not.toContain('11:01');
      expect(later.slice(-16, -15)).toEqual(['11:04']);
      expect(forgotten).toEqual([]);
    },
  );

  test.each(['@every 60s', '* * * * *'])(
    '%s fires again where all times have fired, instead of being silent for 45 minutes, and this is told',
    (spec) => {
      const { pass, step, forgotten } = timetable('11:00:00', [spec]);
      pass(HOUR_MS + 10 * SECOND_MS);
      step(-45 * MINUTE_MS);
      expect(pass(2 * MINUTE_MS)).toEqual(['11:16', '11:17']);
      expect(forgotten).toEqual([spec]);
    },
  );

  test.each([-300, -30 * SECOND_MS, -5 * MINUTE_MS, -15 * MINUTE_MS])(
    'by %i ms, no minute that has fired fires again',
    (ms) => {
      const { pass, step } = timetable('11:00:00', ['* * * * *']);
      const fired = pass(HOUR_MS + 100);
      step(ms);
      fired.push(...pass(HOUR_MS - ms));
      expect(fired).toHaveLength(120);
      expect(new Set(fired).size).toBe(120);
    },
  );

  test.each([-300, -30 * SECOND_MS, -5 * MINUTE_MS, -45 * MINUTE_MS])(
    'by %i ms, no hour that has fired fires again, and no later one is left out',
    (ms) => {
      const { pass, step } = timetable('11:00:00', ['0 * * * *', '@every 1h', '30 12 * * *']);
      pass(5 * HOUR_MS);
      expect(pass(HOUR_MS + 100)).toEqual(['17:00', '17:00']);
      step(ms);
      expect(pass(HOUR_MS - ms)).toEqual(['18:00', '18:00']);
    },
  );

  test('by a few hours, the time of a day does not come again', () => {
    const { pass, step, forgotten } = timetable('09:00:00', ['30 10 * * *']);
    expect(pass(2 * HOUR_MS)).toEqual(['10:30']);
    step(-3 * HOUR_MS);
    expect(pass(24 * HOUR_MS)).toEqual([]);
    expect(pass(3 * HOUR_MS)).toEqual(['10:30']);
    expect(forgotten).toEqual([]);
  });

  test('by days that it was ahead, no entry is left asleep', () => {
    const { pass, step, forgotten } = timetable('11:00:00', ['0 12 * * *', '*/10 * * * *']);
    step(3 * DAY_MS);
    pass(2 * HOUR_MS);
    step(-3 * DAY_MS);
    const fired = pass(DAY_MS);
    expect(fired.filter((time) => time === '12:00')).toHaveLength(2);
    expect(fired).toHaveLength(24 * 6 + 1);
    expect(forgotten).toEqual([]);
  });

  test('after it was set forward, the times that it jumped over fire', () => {
    const { pass, step } = timetable('11:00:00', ['* * * * *']);
    expect(pass(90 * SECOND_MS)).toEqual(['11:01']);
    step(45 * MINUTE_MS);
    expect(pass(2 * SECOND_MS)).toEqual(['11:02']);
    step(-45 * MINUTE_MS);
    expect(pass(2 * MINUTE_MS)).toEqual(['11:03']);
  });

  test('again and again, an interval of the profile `asynq` is not put off', () => {
    const { pass, step } = timetable('11:00:00', ['@every 60s'], { profile: 'asynq' });
    const fired: string[] = [];
    for (let i = 0; i < 30; i += 1) {
      fired.push(...pass(10 * SECOND_MS));
      step(-2 * SECOND_MS);
    }
    expect(fired).toHaveLength(4);
    step(-45 * MINUTE_MS);
    expect(pass(130 * SECOND_MS)).toHaveLength(2);
  });

  test('after it was set forward many times, no time fires twice', () => {
    const { pass, step } = timetable('11:00:00', ['* * * * *']);
    const fired: string[] = [];
    for (let i = 0; i < 40; i += 1) {
      fired.push(...pass(61 * SECOND_MS));
      step(3 * MINUTE_MS);
    }
    step(-150 * MINUTE_MS);
    fired.push(...pass(HOUR_MS));
    expect(new Set(fired).size).toBe(fired.length);
  });
});
