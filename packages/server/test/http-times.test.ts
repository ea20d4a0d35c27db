import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from './support/test-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app.close());

const fromNow = (ms: number) => new Date(Date.now() + ms).toISOString();
const MINUTE_MS = 60_000;

describe('a deadline', () => {
  test.each([
    ['in the past', { deadline: fromNow(-1) }, 'out_of_range', 'past'],
    [
      'long past',
      { deadline: '2001-01-01T00:00:00Z', run_at: '2000-06-01T00:00:00Z' },
      'out_of_range',
      'past',
    ],
    [
      'before run_at',
      { deadline: fromNow(MINUTE_MS), run_at: fromNow(2 * MINUTE_MS) },
      'contradiction',
      'run_at',
    ],
    ['before the delay is over', { deadline: fromNow(MINUTE_MS), delay: '2m' }, 'contradiction', 'delay'],
  ])('%s is refused', async (...[, fields, code, words]) => {
    const { status, json } = await app.call('POST', '/v1/tasks', { body: { type: 't', ...fields } });
    expect(status).toBe(422);
    expect(json.errors).toMatchObject([{ pointer: '/deadline', code }]);
    expect(json.errors[0].message).toContain(words);
    const { deadline, ...rest } = fields;
    const batch = await app.call('POST', '/v1/batches', {
      body: { defaults: { type: 't', deadline }, tasks: [rest, { deadline: fromNow(MINUTE_MS) }] },
    });
    expect(batch.json.items.map((item: { status: number }) => item.status)).toEqual([422, 201]);
    expect(batch.json.items[0].problem.errors).toMatchObject([{ pointer: '/tasks/0/deadline', code }]);
  });

  test('after run_at, or at the same time, is taken', async () => {
    const at = fromNow(MINUTE_MS);
    for (const fields of [{ deadline: at }, { deadline: at, run_at: at }, { deadline: at, delay: '30s' }])
      expect((await app.call('POST', '/v1/tasks', { body: { type: 't', ...fields } })).status).toBe(201);
  });
});

describe('a delay of a retry policy under 1s', () => {
  const submit = (backoff: object) =>
    app.call('POST', '/v1/tasks', { body: { type: 't', retry: { backoff } } });

  test.each([
    [{ kind: 'fixed', delay: '999ms' }, 'delay'],
    [{ kind: 'fixed', delay: '0s' }, 'delay'],
    [{ kind: 'exponential', initial: '10ms' }, 'initial'],
    [{ kind: 'exponential', max: '500ms' }, 'max'],
    [{ kind: 'linear', initial: '0s', step: '5s' }, 'initial'],
    [{ kind: 'linear', initial: '1s', step: '5s', max: '1ms' }, 'max'],
    [{ kind: 'list', delays: ['1s', '0s'] }, 'delays/1'],
  ])('%j is refused', async (backoff, field) => {
    const { status, json } = await submit(backoff);
    expect(status).toBe(422);
    expect(json.errors).toMatchObject([{ pointer: `/retry/backoff/${field}`, code: 'invalid_value' }]);
    expect(json.errors[0].message).toContain('1s to 30d');
  });

  test.each([
    { kind: 'fixed', delay: '1s' },
    { kind: 'exponential', initial: '1s', max: '1s', factor: 1 },
    { kind: 'linear', initial: '1s', step: '0s' },
    { kind: 'list', delays: ['1s', '1001ms'] },
  ])('is not what %j has', async (backoff) => {
    expect((await submit(backoff)).status).toBe(201);
  });
});
