import { etagOf } from '@task-center/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type Answer, type TestApp } from './support/test-app.ts';

/** Far away: nothing of it comes due in a test. */
const YEARLY = { cron: '0 4 1 1 *' };
const callback = { url: 'https://reports.example.com/hooks/daily' };

for (const kind of brokerKinds)
  describe.skipIf(!kind.available)(`schedules on ${kind.name}`, () => {
    let app: TestApp;
    let made = 0;
    beforeAll(async () => {
      app = await testApp({ kind });
    });
    afterAll(() => app.close());

    const newId = () => `report-${(made += 1)}`;
    const path = (id: string, rest = '') => `/v1/schedules/${id}${rest}`;
    const get = (url: string, key?: string) => app.call('GET', url, key === undefined ? {} : { key });
    const put = (id: string, body: unknown, options = {}) => app.call('PUT', path(id), { body, ...options });
    const patch = (id: string, body: unknown, options = {}) =>
      app.call('PATCH', path(id), { body, ...options });
    const post = (url: string, body?: unknown, options = {}) => app.call('POST', url, { body, ...options });
    const short = ({ status, json }: Answer) => [status, json?.code ?? null];
    const places = ({ json }: Answer): string[] =>
      json.errors.map(
        ({ pointer, parameter, code }: Record<string, string>) => `${pointer ?? parameter} ${code}`,
      );
    const idsOf = ({ json }: Answer) => json.data.map(({ id }: { id: string }) => id);
    const yearly = (task: object = {}, more: object = {}) => ({
      ...YEARLY,
      ...more,
      task: { type: 'report', queue: 'reports', ...task },
    });
    const make = async (body: object = yearly(), id = newId()) => {
      const answer = await put(id, body);
      expect(answer.status).toBe(201);
      return id;
    };

    test('are made by a PUT, shown whole, and replaced by the next one', async () => {
      const id = newId();
      const sent = yearly({ payload: { n: 1 }, tags: ['x'], user_id: 'u', timeout: '1m' }, { owner: 'team' });
      const first = await put(id, {
        ...sent,
        timezone: 'Asia/Shanghai',
        jitter: '90s',
        starts_at: '2026-01-01T00:00:00Z',
      });
      expect(first.status).toBe(201);
      expect(first.headers.get('location')).toBe(path(id));
      expect(first.headers.get('etag')).toBe(etagOf(first.json.version));
      expect(first.json).toMatchObject({
        id,
        source: 'api',
        owner: 'team',
        cron: '0 4 1 1 *',
        dialect: 'unix',
        every: null,
        at: null,
        timezone: 'Asia/Shanghai',
        jitter: '1m30s',
        starts_at: '2026-01-01T00:00:00.000Z',
        misfire: { policy: 'fire_once', grace: '1m', limit: 10 },
        overlap: 'allow',
        paused: false,
        runs: 0,
        task: {
          type: 'report',
          queue: 'reports',
          payload: { n: 1 },
          tags: ['x'],
          user_id: 'u',
          timeout: '1m',
        },
      });
      expect(first.json.next_fire_at).toMatch(/-12-31T20:00:00\.000Z$/);
      const again = await get(path(id));
      expect(again.json).toEqual(first.json);
      expect((await put(id, { ...yearly(), overlap: 'skip' })).json).toMatchObject({
        owner: null,
        overlap: 'skip',
        timezone: 'UTC',
        version: first.json.version + 1,
      });
    });

    test('keep their version when nothing changes, also by a patch and by what was shown', async () => {
      const id = await make(yearly({ payload: [12345678901234567890n].map(String) }, { skip_next: 2 }));
      const { json: before } = await get(path(id));
      expect((await patch(id, {})).json).toEqual(before);
      const readOnly =
        'id source paused pause_reason next_fire_at last_fire runs failing late created_at updated_at version'.split(
          ' ',
        );
      const sent = Object.fromEntries(Object.entries(before).filter(([name]) => !readOnly.includes(name)));
      expect((await put(id, sent)).json).toEqual(before);
    });

    test('are patched: what is not named stays, to the last digit of the payload', async () => {
      const text = `{"n":12345678901234567890.10}`;
      const id = newId();
      await put(id, `{"cron":"0 4 1 1 *","task":{"type":"report","queue":"reports","payload":${text}}}`);
      expect((await patch(id, { owner: 'me', overlap: 'queue' })).json).toMatchObject({
        owner: 'me',
        overlap: 'queue',
      });
      expect((await get(path(id))).text).toContain(`"payload":${text}`);
      expect((await patch(id, { cron: null, every: '1h', owner: null })).json).toMatchObject({
        cron: null,
        every: '1h',
        from: 'start',
        owner: null,
      });
      expect(places(await patch(id, { at: '2031-01-01T00:00:00Z' }))).toEqual(['/at invalid_value']);
    });

    test('keep the secrets of their callback, which answers hide', async () => {
      const secret = { ...callback, headers: { authorization: 'Bearer s3cret', 'x-plain': 'yes' } };
      const id = await make({ ...YEARLY, task: { queue: 'hooks', callback: secret } });
      const { json, text } = await get(path(id));
      expect(text).not.toContain('s3cret');
      expect(json.task.callback.headers).toEqual({ authorization: '***', 'x-plain': 'yes' });
      expect(places(await put(id, { ...YEARLY, task: json.task }))).toEqual([
        '/task/callback/headers/authorization invalid_value',
      ]);
      await patch(id, { owner: 'me' });
      const { schedules } = await app.broker.schedules.get([id]);
      expect(schedules[0]!.spec).toContain('s3cret');
      const moved = (headers: object) =>
        patch(id, { task: { callback: { url: 'http://127.0.0.1:9/elsewhere', headers } } });
      expect(places(await moved({}))).toEqual(['/task/callback/headers/authorization required']);
      expect((await moved({ authorization: 'Bearer other' })).status).toBe(200);
    });

    test('are refused with every place that is wrong, and by name what is not built', async () => {
      const wrong = {
        cron: 'x',
        timezone: 'Mars/Base',
        shards: 65,
        typo: 1,
        ...Object.fromEntries(['then', 'backfill'].map((name) => [name, {}])),
        task: { type: 'a' },
      };
      expect(places(await put('wrong', wrong)).sort()).toEqual(
        expect.arrayContaining([
          '/backfill not_built_yet',
          '/shards out_of_range',
          '/then not_built_yet',
          '/typo unknown_field',
        ]),
      );
      expect(places(await put('wrong', { ...yearly(), overlap: 'cancel_running' }))).toEqual([
        '/overlap not_built_yet',
      ]);
      expect(places(await put('wrong', { ...yearly(), cron: '0 4 30 2 *' }))).toEqual([
        '/cron invalid_value',
      ]);
      expect(places(await put('wrong', { ...yearly(), timezone: 'Mars/Base' }))).toEqual([
        '/timezone invalid_value',
      ]);
      expect(places(await put('wrong', { ...yearly(), calendar: 'none' }))).toEqual([
        '/calendar invalid_value',
      ]);
      expect(places(await put('wrong', YEARLY))).toEqual(['/task required']);
      expect(places(await put('wrong', yearly({ delay: '1s' })))).toEqual(['/task/delay unknown_field']);
      expect(short(await get(path('wrong')))).toEqual([404, 'not-found']);
      expect(places(await get('/v1/fires?group_by=hour'))).toEqual(['group_by not_built_yet']);
    });

    test('stay in their queue, and of their kind: 422 says why', async () => {
      const id = await make();
      const moved = await put(id, yearly({ queue: 'others' }));
      expect(places(moved)).toEqual(['/task/queue invalid_value']);
      expect(moved.json.errors[0].message).toContain('make another schedule');
      expect(places(await put(id, { ...YEARLY, task: { queue: 'reports', callback } }))).toEqual([
        '/task invalid_value',
      ]);
    });

    test('are changed in the version that the caller has read', async () => {
      const id = await make();
      const old = { headers: { 'if-match': '"v999"' } };
      for (const stale of [
        await put(id, { ...yearly(), owner: 'x' }, old),
        await patch(id, { owner: 'x' }, old),
        await app.call('DELETE', path(id), old),
      ])
        expect(short(stale)).toEqual([412, 'version-mismatch']);
      expect(
        short(await put(id, { ...yearly(), owner: 'x' }, { headers: { 'if-none-match': '*' } })),
      ).toEqual([412, 'version-mismatch']);
      const { headers } = await get(path(id));
      const tag = headers.get('etag')!;
      expect((await app.call('GET', path(id), { headers: { 'if-none-match': tag } })).status).toBe(304);
      expect((await patch(id, { owner: 'x' }, { headers: { 'if-match': tag } })).json.owner).toBe('x');
      expect((await app.call('DELETE', path(id))).status).toBe(204);
      expect(short(await app.call('DELETE', path(id)))).toEqual([404, 'not-found']);
    });

    test('patched by many at once lose no change', async () => {
      const id = await make();
      const changes = [{ owner: 'me' }, { name: 'n' }, { max_runs: 7 }, { shards: 2 }, { jitter: '1s' }];
      const answers = await Promise.all(changes.map((change) => patch(id, change)));
      expect(answers.map(({ status }) => status)).toEqual(changes.map(() => 200));
      expect((await get(path(id))).json).toMatchObject(Object.assign({}, ...changes) as object);
    });

    test('are paused with a reason, and resumed', async () => {
      const id = await make();
      expect((await post(path(id, '/pause'), { reason: 'closed' })).json).toMatchObject({
        paused: true,
        pause_reason: 'closed',
        next_fire_at: null,
      });
      expect((await post(path(id, '/pause'))).json).toMatchObject({ paused: true, pause_reason: null });
      const resumed = { paused: false, pause_reason: null, next_fire_at: expect.any(String) };
      expect((await post(path(id, '/resume'))).json).toMatchObject(resumed);
      expect(short(await post(path('none', '/pause')))).toEqual([404, 'not-found']);
    });

    test('that another program has damaged are put anew or deleted, and stop no list', async () => {
      const ids = [await make(), await make()] as const;
      const { schedules: store } = app.broker;
      await post(path(ids[0], '/run'));
      const stranger = await app.createKey({ role: 'submitter', queues: ['own'] });
      const owner = await app.createKey({ role: 'submitter', queues: ['reports'] });
      for (const record of (await store.get(ids)).schedules)
        await store.put([{ ...record!, spec: '{', expectedRevision: record!.revision, nextLookMs: 0 }]);
      expect(short(await get(path(ids[0])))).toEqual([500, 'internal']);
      expect((await get('/v1/schedules?queue=reports')).status).toBe(200);
      expect((await get('/v1/fires')).json.data.map((fire: { name: unknown }) => fire.name)).toContain(null);
      for (const action of ['', '/fires', '/preview'])
        expect(short(await get(path(ids[0], action), stranger))).toEqual([404, 'not-found']);
      expect(short(await put(ids[0], yearly({ queue: 'own' }), { key: stranger }))).toEqual([
        409,
        'schedule-exists',
      ]);
      expect((await put(ids[0], yearly(), { key: owner })).status).toBe(201);
      expect((await app.call('DELETE', path(ids[1]))).status).toBe(204);
      expect(short(await get(path(ids[1])))).toEqual([404, 'not-found']);
    });

    test('run when somebody asks, with another payload, paused or not; the history tells', async () => {
      const id = await make(yearly({ payload: 1 }));
      await post(path(id, '/pause'));
      const run = await post(path(id, '/run'), { payload: { n: 2 } });
      expect(run).toMatchObject({
        status: 201,
        json: { queue: 'reports', type: 'report', origin: 'schedule', schedule_id: id, payload: { n: 2 } },
      });
      expect((await get(run.headers.get('location')!)).json.id).toBe(run.json.id);
      expect((await post(path(id, '/run'))).json.payload).toBe(1);
      const fires = await get(path(id, '/fires'));
      expect(fires.json.data).toHaveLength(2);
      expect(run.json.fire_at).toBe(fires.json.data[1].fire_at);
      expect(fires.json.data[1]).toMatchObject({
        schedule_id: id,
        outcome: 'manual',
        task_id: run.json.id,
        count: 1,
        task_state: null,
      });
      const shown = await get(path(id, '?include=fires'));
      expect(shown.json.fires).toEqual(fires.json.data);
      expect(
        (await get(`/v1/schedules?queue=reports&include=fires&paused=true`)).json.data.find(
          (s: { id: string }) => s.id === id,
        ).fires,
      ).toEqual(fires.json.data);
      expect((await get(`/v1/fires?schedule_id=${id}&outcome=manual,fired`)).json.data).toEqual(
        fires.json.data,
      );
      expect((await get(`/v1/fires?schedule_id=${id}&task_state=archived`)).json.data).toEqual([]);
      const page = await get(`/v1/fires?schedule_id=${id}&limit=1`);
      const next = await get(`/v1/fires?schedule_id=${id}&limit=1&cursor=${page.json.next_cursor}`);
      expect([...page.json.data, ...next.json.data]).toEqual(fires.json.data);
    });

    test('tell when they will fire, stored or not', async () => {
      const id = await make(yearly({}, { timezone: 'Asia/Shanghai', cron: '30 8 25 12 *' }));
      const from = 'from=2027-01-01T00:00:00Z';
      const stored = await get(path(id, `/preview?n=2&${from}`));
      expect(stored.json.fires).toEqual([
        { at: '2027-12-25T00:30:00.000Z', local: '2027-12-25T08:30:00', note: null, clashes: 0 },
        { at: '2028-12-25T00:30:00.000Z', local: '2028-12-25T08:30:00', note: null, clashes: 0 },
      ]);
      const draft = await post(`/v1/schedules/preview?n=2&${from}`, {
        cron: '30 8 25 12 *',
        timezone: 'Asia/Shanghai',
      });
      expect(draft.json).toEqual(stored.json);
      expect(places(await post('/v1/schedules/preview', { cron: '70 * * * *' }))).toEqual([
        '/cron invalid_value',
      ]);
      const planned = await get(`/v1/fires?outcome=planned&schedule_id=${id}`);
      expect(planned.json.data).toMatchObject([
        { schedule_id: id, outcome: 'planned', task_id: null, fired_at: null },
      ]);
      expect(places(await get('/v1/fires?outcome=planned,fired'))).toEqual(['outcome contradiction']);
    });

    test('are listed by queue, owner, source, business and pause, page by page', async () => {
      const queue = newId();
      const ids: string[] = [];
      for (const owner of ['a', 'b', 'b']) ids.push(await make(yearly({ queue }, { owner })));
      await post(path(ids.at(-1)!, '/pause'));
      const list = `/v1/schedules?queue=${queue}`;
      expect(idsOf(await get(list)).sort()).toEqual([...ids].sort());
      expect((await get(list)).json.total).toBe(3);
      expect(idsOf(await get(`${list}&owner=b`)).sort()).toEqual([ids[1], ids[2]].sort());
      expect(idsOf(await get(`${list}&paused=true`))).toEqual([ids[2]]);
      for (const none of ['source=config', 'failing=true', 'late=true', 'business_id=acme'])
        expect(idsOf(await get(`${list}&${none}`))).toEqual([]);
      const walked: string[] = [];
      let cursor = '';
      do {
        const page = await get(`${list}&limit=1${cursor}`);
        walked.push(...idsOf(page));
        cursor = page.json.next_cursor === null ? '' : `&cursor=${page.json.next_cursor}`;
      } while (cursor !== '');
      expect(walked.sort()).toEqual([...ids].sort());
    });

    test('are hidden from keys of other queues and businesses, and counted nowhere for them', async () => {
      const minute = `${made} 5 7 7 *`;
      const hidden = await make(yearly({ queue: 'hidden' }, { cron: minute }));
      const own = await make(yearly({ queue: 'own' }, { cron: minute }));
      expect((await get(path(own, '/preview?n=1'))).json.fires[0].clashes).toBe(1);
      const key = await app.createKey({ role: 'submitter', queues: ['own'] });
      expect((await get(path(own, '/preview?n=1'), key)).json.fires[0].clashes).toBe(0);
      await post(path(hidden, '/run'));
      for (const refused of [
        await get(path(hidden), key),
        await get(path(hidden, '/fires'), key),
        await get(path(hidden, '/preview'), key),
        await get(`/v1/fires?schedule_id=${hidden}`, key),
        await app.call('DELETE', path(hidden), { key }),
        await patch(hidden, { owner: 'x' }, { key }),
        ...(await Promise.all(
          ['/pause', '/resume', '/run'].map((rest) => post(path(hidden, rest), {}, { key })),
        )),
      ])
        expect(short(refused)).toEqual([404, 'not-found']);
      expect(short(await put(hidden, yearly({ queue: 'own' }), { key }))).toEqual([409, 'schedule-exists']);
      expect(short(await put(newId(), yearly({ queue: 'hidden' }), { key }))).toEqual([403, 'forbidden']);
      expect(idsOf(await get('/v1/schedules', key))).toEqual([own]);
      expect((await get('/v1/fires', key)).json.data).toEqual([]);
      expect((await get('/v1/fires?outcome=planned', key)).json.data).toMatchObject([{ schedule_id: own }]);
    });

    test('of two businesses may have the same ID', async () => {
      const id = newId();
      const [acme, globex] = await Promise.all(
        ['acme', 'globex'].map((name) => app.createKey({ role: 'submitter', businesses: [name] })),
      );
      for (const key of [acme, globex]) expect((await put(id, yearly(), { key })).status).toBe(201);
      expect((await get(path(id), acme)).json.business_id).toBe('acme');
      expect(short(await get(path(id)))).toEqual([404, 'not-found']);
      expect((await get(path(id, '?business_id=globex'))).json.business_id).toBe('globex');
      expect(short(await get(path(id, '?business_id=globex'), acme))).toEqual([404, 'not-found']);
      expect(idsOf(await get('/v1/schedules', acme))).toEqual([id]);
      expect((await get('/v1/schedules', acme)).json.total).toBeNull();
      const run = await post(path(id, '/run'), undefined, { key: acme });
      expect(run.json.business_id).toBe('acme');
      expect((await get('/v1/fires', globex)).json.data).toEqual([]);
      const both = await app.createKey({ role: 'viewer', businesses: ['acme', 'globex'] });
      expect(places(await get(path(id), both))).toEqual(['business_id required']);
    });

    test('are seen by a viewer and changed by a submitter', async () => {
      const id = await make();
      const key = await app.createKey({ role: 'viewer' });
      expect((await get(path(id), key)).status).toBe(200);
      expect((await post('/v1/schedules/preview', YEARLY, { key })).status).toBe(200);
      for (const refused of [
        await put(id, yearly(), { key }),
        await patch(id, {}, { key }),
        await app.call('DELETE', path(id), { key }),
        await post(path(id, '/pause'), {}, { key }),
        await post(path(id, '/run'), {}, { key }),
      ])
        expect(short(refused)).toEqual([403, 'forbidden']);
    });
  });
