import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { DEFAULT_RETRY_POLICY } from '@task-center/model';
import { backoff, shownBackoff } from './backoff.ts';

describe('a backoff', () => {
  test('that is submitted without parameters is the default of the engine', () => {
    expect(backoff.parse({ kind: 'exponential' })).toEqual(DEFAULT_RETRY_POLICY.backoff);
  });

  test.each([
    { kind: 'exponential', initial: '2s', max: '1m30s', factor: 3, jitter: 0 },
    { kind: 'linear', initial: '1s500ms', step: '2s', max: '5m', jitter: 0.25 },
    { kind: 'fixed', delay: '1h', jitter: 0.5 },
    { kind: 'list', delays: ['1s', '1m30s'], jitter: 0 },
  ] as const)('of the kind $kind is decoded to ms, and written with the same fields', (written) => {
    const decoded = backoff.parse(written);
    expect(z.encode(backoff, decoded)).toEqual(written);
    expect(JSON.stringify(shownBackoff(decoded))).toBe(JSON.stringify(written));
  });

  test('of Asynq is shown, but cannot be submitted', () => {
    expect(shownBackoff({ kind: 'asynq' })).toEqual({ kind: 'asynq' });
    expect(backoff.safeParse({ kind: 'asynq' }).success).toBe(false);
  });
});
