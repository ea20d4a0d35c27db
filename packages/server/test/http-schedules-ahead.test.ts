import type { Broker } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type Answer, type TestApp } from './support/test-app.ts';

/** Far away: nothing of it comes due in a test. */
const task = { type: 'report', queue: 'reports' };
const yearly = { cron: '0 4 1 1 *', task };
const path = (id: string, query = '') => `/v1/schedules/${id}${query}`;
const short = ({ status, json }: Answer) => [status, json?.code ?? null];

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`schedules that are not stored, on ${kind.name}`, () => {
    let app: TestApp;
    beforeAll(async () => {
      app = await testApp({ kind });
    });
    afterAll(() => app.close());
    const put = (id: string, body: unknown, options = {}) => app.call('PUT', path(id), { body, ...options });
    const dry = (id: string, body: unknown, options = {}) =>
      app.call('PUT', path(id, '?dry_run=true'), { body, ...options });
    const get = (id: string) => app.call('GET', path(id));

    test('are shown by a dry run as they would be, and nothing is stored', async () => {
      const first = await dry('draft', { ...yearly, jitter: '90s' });
      expect(first).toMatchObject({ status: 200, json: { id: 'draft', jitter: '1m30s', version: 0 } });
      expect(first.json.next_fire_at).toMatch(/-01-01T04:00:00\.000Z$/);
      expect(first.headers.get('location')).toBeNull();
      expect(short(await get('draft'))).toEqual([404, 'not-found']);
      const { json: stored } = await put('draft', yearly);
      expect((await dry('draft', { ...yearly, owner: 'me' })).json).toMatchObject({
        owner: 'me',
        version: 1,
      });
      expect((await dry('draft', yearly)).json).toEqual(stored);
      expect((await get('draft')).json).toEqual(stored);
      expect((await put('draft', yearly)).status).toBe(200);
      const audited = app.logged.filter(({ message }) => message === 'audit');
      expect(audited.map(({ fields }) => fields['action'])).toEqual(['putSchedule', 'putSchedule']);
    });

    test('stay as they are when another key puts the same', async () => {
      const { json } = await put('shared', yearly);
      const key = await app.createKey({ role: 'submitter' });
      expect((await dry('shared', yearly, { key })).json).toEqual(json);
      expect((await put('shared', yearly, { key })).json).toEqual(json);
    });

    test('are refused by a dry run as by the real one', async () => {
      const hidden = { ...yearly, task: { ...task, queue: 'hidden' } };
      await put('taken', hidden);
      const key = await app.createKey({ role: 'submitter', queues: ['reports'] });
      const viewer = await app.createKey({ role: 'viewer' });
      const refused: [string, unknown, object?][] = [
        ['new', { ...yearly, cron: '99 * * * *' }],
        ['new', { ...yearly, calendar: 'none' }],
        ['new', hidden, { key }],
        ['new', yearly, { key: viewer }],
        ['taken', yearly],
        ['taken', yearly, { key }],
        ['taken', hidden, { headers: { 'if-none-match': '*' } }],
        ['taken', { ...hidden, owner: 'x' }, { headers: { 'if-match': '"v7"' } }],
      ];
      const codes: string[] = [];
      for (const [id, body, options] of refused) {
        const { status, json } = await dry(id, body, options);
        const real = await put(id, body, options);
        expect([status, json]).toEqual([real.status, { ...real.json, request_id: expect.any(String) }]);
        codes.push(json.code);
      }
      expect([...new Set(codes)].sort()).toEqual([
        'forbidden',
        'schedule-exists',
        'validation-failed',
        'version-mismatch',
      ]);
      expect((await app.call('PUT', path('x', '?dry_run=yes'), { body: yearly })).json.errors).toMatchObject([
        { parameter: 'dry_run' },
      ]);
      expect((await app.call('PATCH', path('taken', '?dry_run=true'), { body: {} })).status).toBe(422);
    });

    test('have no preview with a calendar that does not exist: a PUT would be refused', async () => {
      const body = { cron: '0 4 * * *', calendar: 'none' };
      expect((await app.call('POST', '/v1/schedules/preview', { body })).json.errors).toMatchObject([
        { pointer: '/calendar', got: 'none' },
      ]);
    });
  });

test('the next fire of one schedule is found whatever comes before it, unless it is paused', async () => {
  const none: Broker['schedules']['upcoming'] = () => Promise.resolve([]);
  const app = await testApp({
    wrap: (broker) => ({
      ...broker,
      schedules: { ...broker.schedules, upcoming: none },
      close: () => broker.close(),
    }),
  });
  try {
    const planned = async (query = '') =>
      (await app.call('GET', `/v1/fires?outcome=planned&schedule_id=late${query}`)).json.data;
    await app.call('PUT', path('late'), { body: { ...yearly, owner: 'team', name: 'The last one' } });
    expect(await planned()).toMatchObject([
      { schedule_id: 'late', name: 'The last one', outcome: 'planned' },
    ]);
    expect(await planned('&owner=team')).toHaveLength(1);
    const [{ fire_at: at }] = await planned();
    for (const other of ['&owner=others', '&to=2020-01-01T00:00:00Z', `&from=${at}&to=${at}`])
      expect(await planned(other)).toEqual([]);
    await app.call('POST', path('late/pause'));
    expect(await planned()).toEqual([]);
  } finally {
    await app.close();
  }
});
