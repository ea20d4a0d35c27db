import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMeta, encodeMeta, type TaskMeta } from './meta.ts';

const full: Required<TaskMeta> = {
  createdMs: 1_767_225_600_000,
  business: 'shop',
  tags: ['a', 'ü'],
  origin: 'api',
  schedule: 'daily',
  fireMs: 1_700_000_000_000,
  shard: [1, 4],
  createdBy: 'key_1',
  contentType: 'application/json',
  timeoutMs: 1_500,
  backoff: { kind: 'fixed', delayMs: 5, jitter: 0 },
  callback: { url: 'https://example.com/', headers: { a: 'b' } },
};

describe('a task’s meta', () => {
  test('is stored as a version digit and JSON with short keys', () => {
    expect(encodeMeta({ createdMs: 5, business: 'shop' })).toBe('1{"c":5,"b":"shop"}');
  });

  test('is not stored when it is empty', () => {
    expect(encodeMeta({})).toBeNull();
    expect(decodeMeta(null)).toEqual({});
  });

  test('keeps every field', () => {
    expect(decodeMeta(encodeMeta(full))).toEqual(full);
  });

  test('survives a round trip', () => {
    const text = fc.string({ unit: 'binary' });
    const meta = fc.record<TaskMeta>(
      {
        createdMs: fc.nat(),
        business: text,
        tags: fc.array(text),
        origin: text,
        createdBy: text,
        contentType: text,
        timeoutMs: fc.nat(),
        backoff: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(meta, (value) => {
        expect(decodeMeta(encodeMeta(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test.each(['', '2{"c":5}', '1', '1{', 'x', '1null', '1[1]', '1"text"', '1{"zz":1}'])(
    'that is damaged or of a newer version (%j) reads as empty, and the task still runs',
    (text) => {
      expect(decodeMeta(text)).toEqual({});
    },
  );
});
