import { ApiError, createApiClient, etagOf } from '@task-center/api';
import { TaskCenterError, type Broker } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type Answer, type TestApp } from './support/test-app.ts';

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`calendars on ${kind.name}`, () => {
    let app: TestApp;
    let made = 0;
    beforeAll(async () => {
      app = await testApp({ kind });
    });
    afterAll(() => app.close());

    const newId = () => `office-${(made += 1)}`;
    const path = (id: string) => `/v1/calendars/${id}`;
    const get = (id: string, headers = {}) => app.call('GET', path(id), { headers });
    const put = (id: string, body: unknown, headers = {}) => app.call('PUT', path(id), { body, headers });
    const patch = (id: string, body: unknown, headers = {}) => app.call('PATCH', path(id), { body, headers });
    const del = (id: string, headers = {}) => app.call('DELETE', path(id), { headers });
    const statusesOf = (answers: readonly Answer[]) =>
      answers.map(({ status }) => status).toSorted((a, b) => a - b);
    const short = ({ status, headers, json }: Answer) => [status, headers.get('etag') ?? json?.code ?? null];
    /** Makes a calendar with one day off. */
    const make = async (id = newId()) => {
      await put(id, { off: ['2026-12-24'] });
      return id;
    };

    test('are made by a PUT, and changed by the next one', async () => {
      const id = newId();
      const first = await put(id, { name: 'Our office', off: ['2026-12-31', '2026-12-24'] });
      expect(first.status).toBe(201);
      expect(first.headers.get('location')).toBe(path(id));
      const { created_at, version } = first.json;
      expect(first.headers.get('etag')).toBe(etagOf(version));
      const shown = {
        id,
        name: 'Our office',
        source: 'api',
        readable: true,
        off: ['2026-12-24', '2026-12-31'],
        on: [],
      };
      expect(first.json).toEqual({ ...shown, created_at, version });
      const second = await put(id, { on: ['2026-12-19'] });
      expect(second).toMatchObject({
        status: 200,
        json: { name: null, off: [], on: ['2026-12-19'], created_at, version: version + 1 },
      });
      expect(second.headers.get('location')).toBeNull();
      const read = await get(id);
      expect([read.json, read.headers.get('etag')]).toEqual([second.json, etagOf(version + 1)]);
      const { json } = await app.call('GET', '/v1/calendars');
      expect(json.data).toContainEqual(read.json);
      expect(json.total).toBe(json.data.length);
    });

    test('are patched: null removes a field, lists are replaced, the rest stays', async () => {
      const id = newId();
      await put(id, { name: 'Our office', off: ['2026-12-24', '2026-12-25'], on: ['2026-12-19'] });
      expect((await patch(id, { off: ['2026-12-26'] })).json).toMatchObject({
        name: 'Our office',
        off: ['2026-12-26'],
        on: ['2026-12-19'],
      });
      expect((await patch(id, { name: null, on: null })).json).toMatchObject({
        name: null,
        off: ['2026-12-26'],
        on: [],
      });
      const before = await get(id);
      expect(short(await patch(id, {}))).toEqual([200, before.headers.get('etag')]);
    });

    test('are deleted, and what is gone is not found', async () => {
      const id = await make();
      expect(await del(id)).toMatchObject({ status: 204, text: '' });
      for (const gone of [await get(id), await del(id), await patch(id, {})])
        expect(short(gone)).toEqual([404, 'not-found']);
    });

    test('that schedules follow are not deleted, and the refusal names some of them', async () => {
      const id = await make();
      const body = { cron: '0 4 1 1 *', calendar: id, task: { type: 'report', queue: 'reports' } };
      await app.call('PUT', '/v1/schedules/follower', { body });
      const refused = await del(id);
      expect(short(refused)).toEqual([409, 'calendar-in-use']);
      expect(refused.json.detail).toContain('"follower"');
      expect((await get(id)).status).toBe(200);
      await app.call('DELETE', '/v1/schedules/follower');
      expect((await del(id)).status).toBe(204);
    });

    test('that another program has spoilt say so, and can be put anew', async () => {
      const id = await make();
      expect((await get(id)).json.readable).toBe(true);
      const { json } = await get(id);
      await app.broker.documents.put('calendar', id, { off: 'never' }, json.version);
      expect((await get(id)).json).toMatchObject({ readable: false, off: [], on: [] });
      expect((await put(id, { off: ['2026-12-24'] })).json).toMatchObject({
        readable: true,
        off: ['2026-12-24'],
      });
    });

    test('that come with the program can be replaced as a whole, and are neither changed in part nor deleted', async () => {
      const builtIn = await get('cn');
      expect(builtIn.json).toMatchObject({ source: 'builtin', version: 0, created_at: null });
      expect(builtIn.json.off.length).toBeGreaterThan(0);
      for (const refused of [await patch('cn', { off: [] }), await del('cn')])
        expect(short(refused)).toEqual([409, 'managed-elsewhere']);
      expect(short(await put('cn', {}, { 'if-none-match': '*' }))).toEqual([412, 'version-mismatch']);
      const replaced = await put('cn', { off: ['2030-01-01'] }, { 'if-match': '"v0"' });
      expect(replaced).toMatchObject({ status: 200, json: { source: 'api', off: ['2030-01-01'] } });
      expect((await get('cn')).json).toEqual(replaced.json);
      expect((await del('cn')).status).toBe(204);
      expect((await get('cn')).json).toEqual(builtIn.json);
    });

    test('are refused with every place that is wrong', async () => {
      const refused = async (body: unknown, send = put) => {
        const { status, json } = await send('wrong', body);
        return [
          status,
          ...json.errors.map(({ pointer, code }: Record<string, string>) => `${pointer} ${code}`),
        ];
      };
      const off = ['2026-02-30', '2026-12-24', '2026-1-1', 7];
      expect(await refused({ off, on: 'x', offf: [] })).toEqual([
        422,
        '/off/0 invalid_value',
        '/off/2 invalid_value',
        '/off/3 wrong_type',
        '/on wrong_type',
        '/offf unknown_field',
      ]);
      const both = { off: ['2026-12-24'], on: ['2026-12-19', '2026-12-24'] };
      expect(await refused(both)).toEqual([422, '/on/1 invalid_value']);
      expect(await refused({ off: Array(4_001).fill('2026-12-24') })).toEqual([422, '/off too_long']);
      expect(await refused({ name: ' ', source: 'api' })).toEqual([
        422,
        '/name invalid_value',
        '/source unknown_field',
      ]);
      expect(await refused([])).toEqual([422, ' wrong_type']);
      const id = await make();
      expect(await refused({ off: ['x'] }, (_, body) => patch(id, body))).toEqual([
        422,
        '/off/0 invalid_value',
      ]);
      // Only with what is there it is wrong.
      expect(await refused({ on: ['2026-12-24'] }, (_, body) => patch(id, body))).toEqual([
        422,
        '/on/0 invalid_value',
      ]);
      expect((await get('wrong')).status).toBe(404);
      for (const wrong of ['Office', '-a', 'a'.repeat(65), 'a%20b'])
        expect((await put(wrong, {})).json.errors).toMatchObject([{ parameter: 'id' }]);
    });

    test('are changed only by an operator whose key is bound to nothing; a viewer sees them', async () => {
      const id = await make();
      const viewer = await app.createKey({ role: 'viewer', businesses: ['acme'] });
      expect((await app.call('GET', path(id), { key: viewer })).status).toBe(200);
      const submitter = await app.createKey({ role: 'submitter' });
      const bound = await app.createKey({ role: 'operator', businesses: ['acme'] });
      const ofQueue = await app.createKey({ role: 'operator', queues: ['orders'] });
      for (const key of [viewer, submitter, bound, ofQueue])
        for (const method of ['PUT', 'PATCH', 'DELETE']) {
          const body = method === 'DELETE' ? {} : { body: {} };
          expect((await app.call(method, path(id), { key, ...body })).json.code).toBe('forbidden');
        }
      const operator = await app.createKey({ role: 'operator' });
      expect((await app.call('PUT', path(id), { key: operator, body: {} })).status).toBe(200);
    });

    test('leave a line in the audit log for each change', async () => {
      const id = await make();
      await patch(id, { name: 'x' });
      await get(id);
      await del(id);
      const actions = app.logged
        .filter(({ message, fields }) => message === 'audit' && fields['target'] === id)
        .map(({ fields }) => fields['action']);
      expect(actions).toEqual(['putCalendar', 'patchCalendar', 'deleteCalendar']);
    });

    describe('with If-Match', () => {
      test('are changed only in that version; the refusal names the version that they have', async () => {
        const id = await make();
        const { json } = await get(id);
        const old = etagOf(json.version);
        const next = await put(id, { on: ['2026-12-19'] }, { 'if-match': old });
        expect(next.status).toBe(200);
        for (const refused of [
          await put(id, { on: [] }, { 'if-match': old }),
          await patch(id, { name: 'x' }, { 'if-match': old }),
          await del(id, { 'if-match': old }),
        ])
          expect(refused).toMatchObject({
            status: 412,
            json: { code: 'version-mismatch', current_version: next.json.version },
          });
        expect((await get(id)).json).toEqual(next.json);
        expect((await del(id, { 'if-match': etagOf(next.json.version) })).status).toBe(204);
      });

      test.each([
        ['*', true],
        ['"v0", "vN"', true],
        [',"vN" ,,', true],
        ['"v0"', false],
        ['W/"vN"', false],
        ['"vN-1", "v0N", "N", ""', false],
      ])('%s is compared as RFC 9110 has it', async (header, fits) => {
        const id = await make();
        const { json } = await get(id);
        const answer = await patch(id, { name: 'x' }, { 'if-match': header.replaceAll('N', json.version) });
        expect(answer.status).toBe(fits ? 200 : 412);
      });

      test('are not made by it', async () => {
        const id = newId();
        for (const value of ['*', '"v1"'])
          expect(await put(id, {}, { 'if-match': value })).toMatchObject({
            status: 412,
            json: { code: 'version-mismatch', current_version: null },
          });
        // Where nothing is, nothing has another version.
        expect(short(await patch(id, {}, { 'if-match': '*' }))).toEqual([404, 'not-found']);
        expect(short(await del(id, { 'if-match': '"v1"' }))).toEqual([404, 'not-found']);
      });

      test.each(['v1', '"v1', '"v1" "v2"', '*, "v1"', 'w/"v1"', ''])(
        '%j is refused as not readable',
        async (value) => {
          const { status, json } = await put(newId(), {}, { 'if-match': value });
          expect({ status, errors: json.errors }).toMatchObject({
            status: 422,
            errors: [{ header: 'if-match', code: 'invalid_value' }],
          });
        },
      );

      test('of a version from before a deletion fit nothing that is made later', async () => {
        const id = await make();
        const { json } = await get(id);
        await del(id);
        await make(id);
        expect(short(await put(id, {}, { 'if-match': etagOf(json.version) }))).toEqual([
          412,
          'version-mismatch',
        ]);
      });

      test('of two writers exactly one wins, and the other one after it has read again', async () => {
        const id = await make();
        const { json } = await get(id);
        const condition = { 'if-match': etagOf(json.version) };
        const writers = ['2026-12-19', '2026-12-20'].map((date) => put(id, { on: [date] }, condition));
        const answers = await Promise.all(writers);
        expect(statusesOf(answers)).toEqual([200, 412]);
        const [winner, loser] = answers.toSorted((a, b) => a.status - b.status) as [Answer, Answer];
        expect((await get(id)).json).toEqual(winner.json);
        const again = { 'if-match': etagOf(loser.json.current_version) };
        expect((await put(id, { on: [] }, again)).json.version).toBe(winner.json.version + 1);
      });
    });

    test('are made by one of many callers with If-None-Match: *, even if all want the same', async () => {
      const id = newId();
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => put(id, {}, { 'if-none-match': '*' })),
      );
      expect(statusesOf(answers)).toEqual([201, 412, 412, 412, 412, 412]);
    });

    test('keep every patch of callers that change them at the same time', async () => {
      const id = await make();
      const { json } = await get(id);
      const patches = [{ name: 'x' }, { off: ['2027-01-01'] }, { on: ['2027-01-02'] }];
      const answers = await Promise.all(patches.map((one) => patch(id, one)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await get(id)).json).toMatchObject({
        ...Object.assign({}, ...patches),
        version: json.version + 3,
      });
    });

    test('are the same after a repeat: the answer to the first call was lost', async () => {
      const id = newId();
      const first = await put(id, { off: ['2026-12-24'] });
      const again = await put(id, { off: ['2026-12-24'] });
      expect([first.status, again.status, again.json]).toEqual([201, 200, first.json]);
      const condition = { 'if-match': etagOf(first.json.version) };
      const changed = await put(id, { on: ['2026-12-19'] }, condition);
      const repeated = await put(id, { on: ['2026-12-19'] }, condition);
      expect([repeated.status, repeated.json]).toEqual([200, changed.json]);
      const patched = await patch(id, { name: 'x' }, { 'if-match': etagOf(changed.json.version) });
      expect(short(await patch(id, { name: 'x' }, { 'if-match': etagOf(changed.json.version) }))).toEqual(
        short(patched),
      );
    });

    test('are stored once by a call whose answer was lost, and by its repeat', async () => {
      let isLost = false;
      const outcome = { broker: 'b', outcome: 'unknown', cause: 'ECONNRESET' } as const;
      const wrap = (broker: Broker): Broker => ({
        ...broker,
        documents: {
          get: (...address) => broker.documents.get(...address),
          list: (type) => broker.documents.list(type),
          async put(...written) {
            const version = await broker.documents.put(...written);
            isLost = !isLost;
            if (isLost) throw new TaskCenterError('broker-unavailable', outcome);
            return version;
          },
          remove: (...address) => broker.documents.remove(...address),
        },
        close: () => broker.close(),
      });
      const other = await testApp({ kind, wrap });
      try {
        const condition = { 'if-match': '"v1"' };
        const call = (body: unknown, headers = {}) => other.call('PUT', path('office'), { body, headers });
        expect(await call({ off: ['2026-12-24'] })).toMatchObject({
          status: 503,
          json: { outcome: 'unknown' },
        });
        expect(await call({ off: ['2026-12-24'] })).toMatchObject({ status: 200, json: { version: 1 } });
        isLost = false;
        expect((await call({ on: ['2026-12-19'] }, condition)).status).toBe(503);
        expect(await call({ on: ['2026-12-19'] }, condition)).toMatchObject({
          status: 200,
          json: { version: 2, off: [] },
        });
      } finally {
        await other.close();
      }
    });

    test('that a caller knows already are answered with 304', async () => {
      const id = await make();
      const { headers } = await get(id);
      const etag = headers.get('etag') ?? '';
      for (const known of [etag, `"x", W/${etag}`, '*']) {
        const answer = await get(id, { 'if-none-match': known });
        expect([answer.status, answer.text, answer.headers.get('etag')]).toEqual([304, '', etag]);
      }
      expect((await get(id, { 'if-none-match': '"v0"' })).status).toBe(200);
      expect((await get('cn', { 'if-none-match': '"v0"' })).status).toBe(304);
    });

    test('are at most a hundred', { timeout: 30_000 }, async () => {
      const { json } = await app.call('GET', '/v1/calendars');
      const stored = json.data.filter(({ source }: { source: string }) => source === 'api');
      for (let i = stored.length; i < 100; i += 1)
        await app.broker.documents.put('calendar', `filler-${i}`, { name: null, off: [], on: [] });
      const { status, json: problem } = await put('one-too-many', {});
      expect([status, problem.errors]).toMatchObject([422, [{ parameter: 'id', code: 'out_of_range' }]]);
      expect(problem.errors[0].message).toContain('100');
      expect((await put('filler-99', { name: 'x' })).status).toBe(200);
      await del('filler-99');
      expect((await put('one-too-many', {})).status).toBe(201);
    });

    test('are reached by the typed client, whose changes may depend on a version', async () => {
      const port = await app.listen();
      const key = await app.createKey({ role: 'operator' });
      const api = createApiClient({ baseUrl: `http://127.0.0.1:${port}`, key });
      const params = { id: newId() };
      const found = await api.listCalendars();
      const [replaced] = found.data.filter(({ source }) => source === 'api');
      await api.deleteCalendar({ params: { id: replaced?.id ?? '' } });
      const { version } = await api.putCalendar({
        params,
        body: { off: ['2026-12-24'] },
        headers: { 'if-none-match': '*' },
      });
      const headers = { 'if-match': etagOf(version) };
      expect(await api.patchCalendar({ params, body: { name: 'x', on: null }, headers })).toMatchObject({
        name: 'x',
      });
      const refused = await api.putCalendar({ params, body: {}, headers }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ApiError);
      expect(refused).toMatchObject({ status: 412, problem: { current_version: version + 1 } });
      expect(await api.deleteCalendar({ params })).toBeUndefined();
    });
  });
