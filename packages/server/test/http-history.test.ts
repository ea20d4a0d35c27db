import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { writeMinutes } from '../../engine/test/support/history-pages.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const HOUR_MS = 3_600_000;
const timeOf = (ms: number) => new Date(ms).toISOString();

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`the history on ${kind.name}`, () => {
    let app: TestApp;
    let nowMs: number;
    beforeAll(async () => {
      app = await testApp({ kind });
      for (const queue of ['orders', 'mails']) await app.store({ queue, id: `of-${queue}` });
      nowMs = await writeMinutes(app.broker, [
        {
          by: 'queue',
          ago: 1,
          series: {
            orders: { counts: { enqueued: 120, succeeded: 90, failed: 10 }, run: [5, 5, 5, 400], wait: [2] },
            'orders~cb': { counts: { enqueued: 60, succeeded: 20 }, run: [7] },
            mails: { counts: { succeeded: 6 } },
          },
        },
        { by: 'queue', ago: 3, series: { orders: { counts: { succeeded: 1 } } } },
        {
          by: 'business',
          ago: 1,
          series: {
            acme: { counts: { started: 4 } },
            globex: { counts: { started: 2 } },
            '': { counts: { started: 9 } },
          },
        },
        {
          by: 'host',
          ago: 1,
          series: { 'a.example': { counts: { 'callbacks:2xx': 3, 'callbacks:timeout': 1 } } },
        },
      ]);
    });
    afterAll(() => app.close());

    const history = (query: string, key?: string) =>
      app.call('GET', `/v1/metrics/history?${query}`, key === undefined ? {} : { key });
    const at = (minutesAgo: number) => timeOf(nowMs - minutesAgo * 60_000);
    /** Sums by the values of the labels. */
    async function sums(query: string, key?: string): Promise<Record<string, number>> {
      const { json } = await history(query, key);
      return Object.fromEntries(
        json.series.map(({ labels, points }: { labels: object; points: [string, number][] }) => [
          Object.values(labels).join(' '),
          points.reduce((sum, [, value]) => sum + value, 0),
        ]),
      );
    }

    test('has a point for each minute in which something happened, of both kinds together', async () => {
      const { status, json } = await history('metric=succeeded&key=orders');
      expect(status).toBe(200);
      expect(json).toEqual({
        step: '1m',
        series: [
          {
            labels: { queue: 'orders' },
            points: [
              [at(3), 1],
              [at(1), 110],
            ],
            gaps: [],
          },
        ],
      });
    });

    test('begins with the step of `from` and ends before `to`', async () => {
      expect(await sums(`metric=succeeded&from=${at(3)}&to=${at(1)}`)).toEqual({ orders: 1 });
      expect(await sums(`metric=succeeded&from=${at(2)}`)).toEqual({ orders: 110, mails: 6 });
    });

    test('is given by kind, business and host, with what has no name of its own', async () => {
      expect(await sums('metric=succeeded&by=kind')).toEqual({ handler: 97 + 0, callback: 20 });
      expect(await sums('metric=started&by=business')).toEqual({ acme: 4, globex: 2, '': 9 });
      expect(await sums('metric=callbacks&by=host')).toEqual({ 'a.example 2xx': 3, 'a.example timeout': 1 });
      const { json } = await history('metric=started&by=business');
      expect(json.series.map(({ labels }: { labels: object }) => labels)).toContainEqual({ business: null });
    });

    test('has percentiles and buckets of lengths of time', async () => {
      const { json } = await history('metric=run_ms&key=orders');
      const [[, value]] = json.series[0].points;
      expect(value).toMatchObject({
        p50: 5,
        buckets: [
          [6, 3],
          [8, 1],
          [expect.any(Number), 1],
        ],
      });
      expect(Math.abs(value.p99 - 400)).toBeLessThanOrEqual(400 * 0.0625);
    });

    test('is given by hours', async () => {
      const { json } = await history('metric=succeeded&step=1h&key=mails');
      expect(json).toMatchObject({ step: '1h', series: [{ points: [[expect.any(String), 6]] }] });
    });

    test('refuses what cannot be, and says which parameter is wrong', async () => {
      const faults = async (query: string) => {
        const { status, json } = await history(query);
        return [status, ...(json.errors ?? []).map(({ parameter }: { parameter: string }) => parameter)];
      };
      const day = `from=${timeOf(nowMs - 25 * HOUR_MS)}`;
      expect(await faults('by=queue')).toEqual([422, 'metric']);
      expect(await faults('metric=speed')).toEqual([422, 'metric']);
      expect(await faults('metric=failed&by=user')).toEqual([422, 'by']);
      expect(await faults('metric=pending&by=type')).toEqual([422, 'by']);
      expect(await faults('metric=enqueued&by=business')).toEqual([422, 'by']);
      expect(await faults(`metric=failed&${day}`)).toEqual([422, 'from']);
      expect((await history(`metric=failed&step=1h&${day}`)).status).toBe(200);
      expect(await faults(`metric=failed&from=${at(1)}&to=${at(1)}`)).toEqual([422, 'from']);
      expect(await faults('metric=failed&step=1d')).toEqual([422, 'step']);
    });

    describe('for a key that is bound', () => {
      test('to businesses has theirs alone', async () => {
        const key = await app.createKey({ role: 'viewer', businesses: ['acme'] });
        expect(await sums('metric=started&by=business', key)).toEqual({ acme: 4 });
        expect(await sums('metric=started&by=business&key=globex', key)).toEqual({});
        for (const by of ['queue', 'kind', 'type', 'host'])
          expect(await history(`metric=started&by=${by}`, key)).toMatchObject({
            status: 403,
            json: { code: 'forbidden', needed: { businesses: null } },
          });
      });

      test('to queues has these alone', async () => {
        const key = await app.createKey({ role: 'viewer', queues: ['ord*'] });
        expect(await sums('metric=succeeded', key)).toEqual({ orders: 111 });
        expect(await sums('metric=succeeded&key=mails', key)).toEqual({});
        for (const by of ['kind', 'business', 'type', 'host'])
          expect(await history(`metric=started&by=${by}`, key)).toMatchObject({
            status: 403,
            json: { code: 'forbidden', needed: { queues: null } },
          });
      });
    });

    test('gives each queue the figures of its last full minute', async () => {
      const { json } = await app.call('GET', '/v1/queues/orders');
      expect(json).toMatchObject({
        rates: { enqueued: 3, succeeded: 110 / 60, failed: 10 / 60 },
        error_rate: 10 / 120,
        wait_ms: { p50: 2, p95: 2, p99: 2 },
        run_ms: { p50: 5 },
      });
      expect((await app.call('GET', '/v1/queues/low')).json).toMatchObject({
        rates: { enqueued: 0, succeeded: 0, failed: 0 },
        error_rate: null,
        wait_ms: null,
        run_ms: null,
      });
      const key = await app.createKey({ role: 'viewer', businesses: ['acme'] });
      const bound = await app.call('GET', '/v1/queues/low', { key });
      expect(bound.json).toMatchObject({ rates: null, error_rate: null, wait_ms: null, run_ms: null });
    });
  });
