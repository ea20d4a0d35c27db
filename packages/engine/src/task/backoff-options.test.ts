import { DEFAULT_RETRY_POLICY } from '@task-center/model';
import { expect, test } from 'vitest';
import { backoffOf, type BackoffOptions } from './backoff-options.ts';

test('a backoff with nothing but its kind is the default one', () => {
  expect(backoffOf({ kind: 'exponential' })).toEqual(DEFAULT_RETRY_POLICY.backoff);
});

test.each<[BackoffOptions, object]>([
  [
    { kind: 'linear', initial: '1s', step: 500 },
    { kind: 'linear', initialMs: 1_000, stepMs: 500, maxMs: 300_000, jitter: 0.25 },
  ],
  [
    { kind: 'fixed', delay: '1m', jitter: 0 },
    { kind: 'fixed', delayMs: 60_000, jitter: 0 },
  ],
  [
    { kind: 'list', delays: [0, '10s'], jitter: 1 },
    { kind: 'list', delaysMs: [0, 10_000], jitter: 1 },
  ],
  [{ kind: 'asynq' }, { kind: 'asynq' }],
])('%j is stored in ms', (given, stored) => expect(backoffOf(given)).toEqual(stored));

test.each([
  ['backoff', null],
  ['backoff', '1s'],
  ['backoff.kind', { kind: 'random' }],
  ['backoff.kind', {}],
  ['backoff.delay', { kind: 'fixed' }],
  ['backoff.step', { kind: 'linear', initial: '1s' }],
  ['backoff.factor', { kind: 'exponential', factor: '2' }],
  ['backoff.jitter', { kind: 'exponential', jitter: -1 }],
  ['backoff.max', { kind: 'exponential', max: Infinity }],
  ['backoff.delays', { kind: 'list', delays: '1s' }],
  ['backoff.delays[1]', { kind: 'list', delays: [1, Number.NaN] }],
])('the error names %s of %j', (name, given) => {
  expect(() => backoffOf(given as unknown as BackoffOptions)).toThrow(
    expect.objectContaining({ code: 'invalid-value', details: expect.objectContaining({ name }) }),
  );
});
