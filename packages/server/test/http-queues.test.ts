import type { Broker } from '@task-center/engine';
import { Metrics, TaskCenterError } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`on ${kind.name}`, () => {
    let app: TestApp;
    beforeAll(async () => {
      app = await testApp({ kind });
    });
    afterAll(() => app.close());

    const submit = async (fields: object) =>
      (await app.call('POST', '/v1/tasks', { body: { type: 't', ...fields } })).json;
    const get = (path: string) => app.call('GET', path);

    describe('queues', () => {
      const queue = async (name: string) => (await get(`/v1/queues/${encodeURIComponent(name)}`)).json;

      test('are the four built-in ones by priority, then those in use by name', async () => {
        await submit({ queue: 'zoo' });
        await submit({ queue: 'a/b 100%' });
        const { json } = await get('/v1/queues');
        const names = json.data.map(({ name }: { name: string }) => name);
        expect(names.slice(0, 4)).toEqual(['critical', 'high', 'default', 'low']);
        expect(names.slice(4)).toEqual(names.slice(4).sort((a: string, b: string) => (a < b ? -1 : 1)));
        expect(names).toContain('zoo');
        expect(names.some((name: string) => name.includes('~'))).toBe(false);
        expect(json.data.slice(0, 4).map(({ priority }: { priority: string }) => priority)).toEqual([
          'critical',
          'high',
          'normal',
          'low',
        ]);
        expect((await queue('a/b 100%')).counts.pending).toBe(1);
      });

      test('count both kinds together and apart', async () => {
        await submit({ queue: 'both' });
        await submit({ queue: 'both', callback: { url: 'https://x.test/' } });
        await submit({ queue: 'both', delay: '1h' });
        const { counts, by_kind, oldest_pending_ms } = await queue('both');
        expect(counts).toMatchObject({ pending: 2, scheduled: 1, active: 0 });
        expect(by_kind.handler.counts).toMatchObject({ pending: 1, scheduled: 1 });
        expect(by_kind.callback.counts).toMatchObject({ pending: 1, scheduled: 0 });
        expect(oldest_pending_ms).toBeGreaterThanOrEqual(0);
      });

      test('say how much room both kinds take, once an instance has measured it', async () => {
        await submit({ queue: 'heavy', payload: 'x'.repeat(20_000) });
        await submit({ queue: 'heavy', payload: 'x'.repeat(5_000), callback: { url: 'https://x.test/' } });
        expect((await queue('heavy')).memory_bytes).toBe(null);
        const metrics = new Metrics(app.broker);
        metrics.start();
        await expect.poll(async () => (await queue('heavy')).memory_bytes).toBeGreaterThan(25_000);
        await metrics.stop();
        const { memory_bytes } = await queue('heavy');
        expect(memory_bytes).toBeLessThan(50_000);
        const { json } = await get('/v1/queues');
        expect(json.data).toContainEqual(expect.objectContaining({ name: 'heavy', memory_bytes }));
        const key = await app.createKey({ role: 'admin', businesses: ['shop-a'] });
        await app.call('POST', '/v1/tasks', { key, body: { type: 't', queue: 'heavy' } });
        const shown = await app.call('GET', '/v1/queues/heavy', { key });
        expect(shown.json).toMatchObject({ name: 'heavy', memory_bytes: null });
      });

      test('are paused and resumed for both kinds', async () => {
        const paused = await app.call('POST', '/v1/queues/low/pause', { body: { reason: 'stocktaking' } });
        expect(paused.json).toMatchObject({
          paused: true,
          pause_reason: 'stocktaking',
          by_kind: { handler: { paused: true }, callback: { paused: true } },
        });
        const resumed = await app.call('POST', '/v1/queues/low/resume');
        expect(resumed.json).toMatchObject({
          paused: false,
          pause_reason: null,
          by_kind: { handler: { paused: false }, callback: { paused: false } },
        });
      });

      test('that Asynq paused for one kind are shown as paused', async () => {
        await app.broker.control.pause('high');
        expect(await queue('high')).toMatchObject({
          paused: true,
          by_kind: { handler: { paused: true }, callback: { paused: false } },
        });
        await app.broker.control.resume('high');
      });

      test('that were never used are not found, and invalid names are refused', async () => {
        expect(await queue('unused')).toMatchObject({ status: 404, code: 'not-found' });
        expect((await app.call('POST', '/v1/queues/unused/pause')).status).toBe(404);
        expect(await queue('low~cb')).toMatchObject({ status: 422 });
        expect(
          (await app.call('POST', '/v1/queues/low/pause', { body: { for: '1h' } })).json.errors,
        ).toMatchObject([{ pointer: '/for', code: 'not_built_yet' }]);
      });
    });
  });

describe('a broker that is unavailable', () => {
  const makeUnavailable =
    (outcome: 'not_stored' | 'unknown') =>
    (broker: Broker): Broker => ({
      ...broker,
      documents: broker.documents,
      name: broker.name,
      consume: broker.consume,
      maintain: broker.maintain,
      check: broker.check,
      control: broker.control,
      signals: broker.signals,
      inspect: broker.inspect,
      close: () => broker.close(),
      ping: () => Promise.reject(new Error('away')),
      checkWritable: () => Promise.reject(new Error('away')),
      submit: {
        enqueue: () =>
          Promise.reject(
            new TaskCenterError('broker-unavailable', {
              broker: 'redis://u@h:1',
              outcome,
              cause: 'ECONNREFUSED',
            }),
          ),
      },
    });

  test.each(['not_stored', 'unknown'] as const)(
    'gives 503 with the outcome %s, and no address',
    async (outcome) => {
      const other = await testApp({ wrap: makeUnavailable(outcome) });
      try {
        const { status, headers, text, json } = await other.call('POST', '/v1/tasks', {
          body: { type: 't' },
        });
        expect({ status, ...json }).toMatchObject({ status: 503, code: 'broker-unavailable', outcome });
        expect(headers.get('retry-after')).toBe('2');
        expect(text).not.toContain('redis');
        expect((await other.call('GET', '/readyz')).json).toEqual({ status: 'unavailable' });
        expect((await other.call('GET', '/healthz')).status).toBe(200);
      } finally {
        await other.close();
      }
    },
  );

  test('gives 503 to a batch if nothing was stored; what is in doubt is said of each item', async () => {
    const submit = async (outcome: 'not_stored' | 'unknown') => {
      const other = await testApp({ wrap: makeUnavailable(outcome) });
      try {
        return await other.call('POST', '/v1/batches', { body: { tasks: [{ type: 't' }] } });
      } finally {
        await other.close();
      }
    };
    const refused = await submit('not_stored');
    expect([refused.status, refused.json.outcome, refused.headers.get('retry-after')]).toEqual([
      503,
      'not_stored',
      '2',
    ]);
    const inDoubt = await submit('unknown');
    expect([inDoubt.status, inDoubt.json.items[0].problem.outcome]).toEqual([200, 'unknown']);
    expect(refused.text + inDoubt.text).not.toContain('redis');
  });
});
