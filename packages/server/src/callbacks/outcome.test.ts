import { describe, expect, test } from 'vitest';
import type { Answer } from './deliver.ts';
import type { Fault } from './faults.ts';
import { outcomeOf } from './outcome.ts';
import { readRetryAfter, readRetryDirective } from './retry-hints.ts';

const NOW = Date.parse('2026-11-24T08:00:00.000Z');

const anAnswer = (status: number, headers: Record<string, string> = {}, body = ''): Answer => ({
  status,
  headers,
  bytes: Buffer.from(body),
  size: body.length,
  cut: null,
  firstByteMs: 1,
});
const after = (answer: Answer) => outcomeOf({ answer, fault: null, resent: null }, NOW);
const failedBy = (fault: Fault) => outcomeOf({ answer: null, fault, resent: null }, NOW);
const hintsOf = (answer: Answer) => {
  const outcome = after(answer);
  return outcome.ok ? 'succeeded' : outcome.hints;
};

test('a date in `Retry-After` is meant by the clock of the receiver, whatever ours shows', () => {
  const headers = { date: 'Tue, 24 Nov 2026 08:45:00 GMT', 'retry-after': 'Tue, 24 Nov 2026 08:46:00 GMT' };
  expect(hintsOf(anAnswer(503, headers))).toMatchObject({ retryAfter: 60_000 });
  const { date: _, ...undated } = headers;
  expect(hintsOf(anAnswer(503, undated))).toMatchObject({ retryAfter: 46 * 60_000 });
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
    expect(after(anAnswer(204))).toEqual({ ok: true, result: null, note: null });
  });

  test('with a body that is too long to keep has no result, never a part of one', () => {
    expect(after({ ...anAnswer(200, {}, 'x'), size: 262_145 })).toEqual({
      ok: true,
      result: null,
      note: 'the body of 262145 bytes is too long for a result (limit 262144 bytes)',
    });
    const cut = 'the body was cut after 1 of 9 bytes: the connection was closed';
    expect(after({ ...anAnswer(200, {}, 'x'), cut })).toEqual({ ok: true, result: null, note: cut });
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
      retryAfter: 5_000,
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
    ['1, 2', null],
    ['99999999999999', 86_400_000],
    ['9'.repeat(400), 86_400_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 86_400_000],
    ['Tue, 99 Nov 2026 08:00:30 GMT', null],
  ])('%j means %j ms, and is quoted if it means nothing', (value, ms) => {
    const hint = readRetryAfter(value, NOW);
    expect(hint.value).toBe(ms);
    if (ms === null)
      expect(hint.problem).toBe(
        `retry-after not understood: ${JSON.stringify(value)} is not a number of seconds or an HTTP date`,
      );
    else expect(hint.problem).toBeNull();
  });

  test('is quoted at its beginning only', () => {
    expect(readRetryAfter('x'.repeat(9_000), NOW).problem?.length).toBeLessThan(200);
  });

  test('that was not understood is in the note of any outcome', () => {
    for (const status of [200, 400, 503])
      expect(after(anAnswer(status, { 'retry-after': 'soon' })).note).toMatch(
        /^retry-after not understood: "soon"/,
      );
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
      retryAfter: 7_000,
      status: 422,
      errorClass: 'http_status',
    });
  });

  test('with a duration takes precedence over Retry-After', () => {
    expect(hintsOf(anAnswer(500, { 'task-center-retry': '30s', 'retry-after': '7' }))).toMatchObject({
      reason: 'task-center-retry: 30s',
      retryAfter: 30_000,
    });
  });

  test('with a duration retries even after a 2xx, but no leaves a success alone', () => {
    expect(hintsOf(anAnswer(200, { 'task-center-retry': '250ms' }))).toMatchObject({ retryAfter: 250 });
    expect(hintsOf(anAnswer(200, { 'task-center-retry': 'no' }))).toBe('succeeded');
  });

  test('with a duration over 24 h counts as 24 h', () => {
    for (const text of ['25h', '999999999999d', 'P9D', `${'9'.repeat(400)}h`, `PT${'9'.repeat(400)}S`])
      expect(hintsOf(anAnswer(500, { 'task-center-retry': text }))).toMatchObject({
        retryAfter: 86_400_000,
      });
  });

  test.each(['maybe', '30', '-5s', '1.5s', '', 'no, yes', 'not'])(
    '%j is not understood, and quoted',
    (text) => {
      const problem = `task-center-retry not understood: ${JSON.stringify(text)} is not no, yes or a duration such as 30s`;
      expect(readRetryDirective(text)).toEqual({ value: null, problem });
      expect(after(anAnswer(500, { 'task-center-retry': text }))).toMatchObject({
        hints: { reason: 'default: 5xx retry' },
        note: problem,
      });
      expect(after(anAnswer(200, { 'task-center-retry': text }))).toMatchObject({ ok: true, note: problem });
    },
  );
});

describe('a fault', () => {
  test('of the transport is retried', () => {
    expect(failedBy({ class: 'reset', message: 'the connection was closed' })).toEqual({
      ok: false,
      message: 'the connection was closed',
      hints: { errorClass: 'reset', reason: 'default: reset retry' },
      note: null,
    });
  });

  test('that shows an invalid URL fails at once', () => {
    expect(failedBy({ class: 'invalid_url', message: 'no' })).toMatchObject({
      hints: { retryable: false, reason: 'default: invalid_url fails at once' },
    });
  });

  test('after a request that was sent twice says so', () => {
    const fault = { class: 'reset', message: 'closed' } as const;
    expect(outcomeOf({ answer: null, fault, resent: 'sent again' }, NOW)).toMatchObject({
      note: 'sent again',
    });
  });
});

describe('a status whose body was cut', () => {
  const cut = 'the body was cut after 6 bytes: it did not end in time (limit 100 ms)';

  test('still decides', () => {
    expect(after({ ...anAnswer(503, { 'retry-after': '7' }), cut })).toMatchObject({
      hints: { status: 503, errorClass: 'http_status', retryAfter: 7_000 },
      note: cut,
    });
    expect(after({ ...anAnswer(410), cut })).toMatchObject({ hints: { retryable: false }, note: cut });
    expect(after({ ...anAnswer(200), cut })).toMatchObject({ ok: true, note: cut });
  });
});
