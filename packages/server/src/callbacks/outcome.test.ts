import { describe, expect, test } from 'vitest';
import type { Answer } from './deliver.ts';
import { outcomeOf } from './outcome.ts';
import { parseRetryAfterMs } from './retry-hints.ts';

const NOW = Date.parse('2026-11-24T08:00:00.000Z');

const anAnswer = (status: number, headers: Record<string, string> = {}, body = ''): Answer => ({
  status,
  headers,
  bytes: Buffer.from(body),
  size: body.length,
  cut: false,
  firstByteMs: 1,
});
const after = (answer: Answer) => outcomeOf({ answer, fault: null }, NOW);
const hintsOf = (answer: Answer) => {
  const outcome = after(answer);
  return outcome.ok ? 'succeeded' : outcome.hints;
};

test('a date in `Retry-After` is meant by the clock of the receiver, whatever ours shows', () => {
  const headers = { date: 'Tue, 24 Nov 2026 08:45:00 GMT', 'retry-after': 'Tue, 24 Nov 2026 08:46:00 GMT' };
  expect(hintsOf(anAnswer(503, headers))).toMatchObject({ retryAfterMs: 60_000 });
  const { date: _, ...undated } = headers;
  expect(hintsOf(anAnswer(503, undated))).toMatchObject({ retryAfterMs: 46 * 60_000 });
});

describe('a success', () => {
  test('gives its body as the result', () => {
    const outcome = after(anAnswer(200, {}, '{"rows":1}'));
    expect(outcome.ok && Buffer.from(outcome.result ?? []).toString()).toBe('{"rows":1}');
  });

  test('is any 2xx', () => {
    for (const status of [200, 201, 202, 204, 299]) expect(hintsOf(anAnswer(status))).toBe('succeeded');
  });

  test('with an empty body has no result', () => {
    expect(after(anAnswer(204))).toEqual({ ok: true, result: null });
  });

  test('with a body that is too long to keep has no result, never a part of one', () => {
    expect(after({ ...anAnswer(200, {}, 'x'), size: 262_145 })).toEqual({ ok: true, result: null });
    expect(after({ ...anAnswer(200, {}, 'x'), cut: true })).toEqual({ ok: true, result: null });
  });
});

describe('the status', () => {
  test.each([301, 308, 400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501, 505])(
    '%i fails at once',
    (status) => {
      expect(hintsOf(anAnswer(status, { 'retry-after': '1' }))).toEqual({
        retryable: false,
        reason: `default: ${status} fails at once`,
        status,
        errorClass: 'http_status',
      });
    },
  );

  test.each([
    [302, '3xx'],
    [401, '4xx'],
    [403, '4xx'],
    [404, '4xx'],
    [408, '4xx'],
    [409, '4xx'],
    [425, '4xx'],
    [429, '4xx'],
    [500, '5xx'],
    [502, '5xx'],
    [503, '5xx'],
    [599, '5xx'],
  ])('%i is retried', (status, group) => {
    expect(hintsOf(anAnswer(status))).toEqual({
      reason: `default: ${group} retry`,
      status,
      errorClass: 'http_status',
    });
  });

  test('of a redirect gives the class redirect only if there is a location', () => {
    expect(hintsOf(anAnswer(307, { location: 'https://b.test/' }))).toMatchObject({ errorClass: 'redirect' });
    expect(hintsOf(anAnswer(304, { location: 'https://b.test/' }))).toMatchObject({
      errorClass: 'http_status',
    });
  });

  test('is in the message, with its name', () => {
    expect(after(anAnswer(503))).toMatchObject({ ok: false, message: '503 Service Unavailable' });
    expect(after(anAnswer(599))).toMatchObject({ ok: false, message: '599' });
  });
});

describe('Retry-After', () => {
  test('is in the reason', () => {
    expect(hintsOf(anAnswer(503, { 'retry-after': '5' }))).toMatchObject({
      reason: 'default: 5xx retry; retry-after 5s',
      retryAfterMs: 5_000,
    });
  });

  test.each([
    ['0', 0],
    [' 120 ', 120_000],
    ['Tue, 24 Nov 2026 08:00:30 GMT', 30_000],
    ['Tuesday, 24-Nov-26 08:00:30 GMT', 30_000],
    ['Tue Nov 24 08:00:30 2026', 30_000],
    ['Tue, 24 Nov 2026 07:00:00 GMT', 0],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['5s', null],
    ['2026', 2_026_000],
    ['2026-11-24T08:00:30Z', null],
    ['99999999999999', null],
    ['Tue, 99 Nov 2026 08:00:30 GMT', null],
  ])('%j means %j ms', (value, ms) => {
    expect(parseRetryAfterMs(value, NOW)).toBe(ms);
  });
});

describe('task-center-retry', () => {
  test('no ends the task, whatever the status is', () => {
    expect(hintsOf(anAnswer(503, { 'task-center-retry': 'no', 'retry-after': '5' }))).toEqual({
      retryable: false,
      reason: 'task-center-retry: no',
      status: 503,
      errorClass: 'http_status',
    });
  });

  test('yes retries where the status would fail at once', () => {
    expect(hintsOf(anAnswer(422, { 'task-center-retry': 'Yes', 'retry-after': '7' }))).toEqual({
      reason: 'task-center-retry: yes; retry-after 7s',
      retryAfterMs: 7_000,
      status: 422,
      errorClass: 'http_status',
    });
  });

  test('with a duration takes precedence over Retry-After', () => {
    expect(hintsOf(anAnswer(500, { 'task-center-retry': '30s', 'retry-after': '7' }))).toMatchObject({
      reason: 'task-center-retry: 30s',
      retryAfterMs: 30_000,
    });
  });

  test('with a duration retries even after a 2xx, but no leaves a success alone', () => {
    expect(hintsOf(anAnswer(200, { 'task-center-retry': '250ms' }))).toMatchObject({ retryAfterMs: 250 });
    expect(hintsOf(anAnswer(200, { 'task-center-retry': 'no' }))).toBe('succeeded');
  });

  test('with an unknown value is ignored', () => {
    expect(hintsOf(anAnswer(500, { 'task-center-retry': 'maybe' }))).toMatchObject({
      reason: 'default: 5xx retry',
    });
  });
});

describe('a fault', () => {
  test('of the transport is retried', () => {
    const fault = { class: 'reset', message: 'other side closed' } as const;
    expect(outcomeOf({ answer: null, fault }, NOW)).toEqual({
      ok: false,
      message: 'other side closed',
      hints: { errorClass: 'reset', reason: 'default: reset retry' },
    });
  });

  test.each(['blocked_address', 'invalid_url'] as const)('of class %s fails at once', (name) => {
    expect(outcomeOf({ answer: null, fault: { class: name, message: 'no' } }, NOW)).toMatchObject({
      hints: { retryable: false, reason: `default: ${name} fails at once` },
    });
  });

  test('fails the attempt even if the incomplete answer was a 2xx', () => {
    const fault = { class: 'timeout', message: 'the answer did not end in time' } as const;
    expect(outcomeOf({ answer: anAnswer(200), fault }, NOW)).toMatchObject({
      ok: false,
      hints: { status: 200, errorClass: 'timeout' },
    });
  });
});
