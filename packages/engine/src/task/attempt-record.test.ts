import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttemptRecord } from '@task-center/model';
import { decodeAttempts, encodeAttempt } from './attempt-record.ts';

const small: AttemptRecord = { number: 1, startedMs: 5, finishedMs: 6, outcome: 'succeeded' };
const full: Required<AttemptRecord> = {
  ...small,
  outcome: 'failed',
  waitMs: 3,
  nextMs: 9,
  reason: 'default: 5xx retry',
  isResultDropped: true,
  error: { class: 'http_status', message: 'line one\nline "two" ü', status: 503 },
  worker: 'host:1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  exchange: { response: { status: 503, body: 'a\r\nb' } },
};

describe('attempt records', () => {
  test('are encoded as one line of JSON with short keys each', () => {
    expect(encodeAttempt(small)).toBe('{"n":1,"s":5,"f":6,"o":"succeeded"}');
  });

  test('keep every field, including texts with line breaks', () => {
    const lines = [small, full].map((record) => encodeAttempt(record)).join('\n');
    expect(decodeAttempts(lines)).toEqual([small, full]);
    expect(decodeAttempts(`${lines}\n`)).toEqual([small, full]);
  });

  test('never take more than one line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (message) => {
        const line = encodeAttempt({ ...small, error: { class: 'E', message } });
        expect(line).not.toContain('\n');
        expect(decodeAttempts(line)[0]?.error?.message).toBe(message);
      }),
    );
  });

  test('that are damaged are skipped, and the others are kept', () => {
    const line = encodeAttempt(small);
    expect(decodeAttempts(`${line}\n{"n":2,\n\n${line}`)).toEqual([small, small]);
    expect(decodeAttempts(`${line}\nnull\n17`)).toEqual([small]);
    expect(decodeAttempts(null)).toEqual([]);
    expect(decodeAttempts('')).toEqual([]);
  });
});
