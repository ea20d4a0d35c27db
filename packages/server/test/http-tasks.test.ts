import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const STACK = 'Error: 410 Gone\n    at jobs.ts:3:1';

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
    const idsOf = ({ json }: { json: { data: { id: string }[] } }) => json.data.map(({ id }) => id);

    /** Takes one task from a stored queue as a worker would. */
    async function take(queue: string) {
      const exchange = { finishes: [], queues: [queue], room: 1, leaseMs: 60_000, worker: 'test' };
      const { tasks } = await app.broker.consume.exchange(exchange);
      const [task] = tasks;
      if (task === undefined) throw new Error(`nothing waits in ${queue}`);
      return task;
    }

    describe('GET of a task', () => {
      test('shows attempts as they were recorded, if they are asked for', async () => {
        await submit({ id: 'tried', queue: 'tries' });
        const task = await take('tries');
        await app.broker.consume.exchange({
          finishes: [
            {
              task,
              outcome: 'archive',
              record: {
                number: 1,
                startedMs: 1_795_507_200_131,
                finishedMs: 1_795_507_200_171,
                waitMs: 6,
                outcome: 'failed',
                reason: 'default: fail',
                error: { class: 'http_status', message: '410 Gone', status: 410, stack: STACK },
                worker: 'w',
                exchange: { request: { method: 'POST' }, response: { status: 410 } },
              },
            },
          ],
          queues: [],
          room: 0,
          leaseMs: 1_000,
          worker: 'w',
        });
        expect((await get('/v1/tasks/tried')).json.attempts).toBeUndefined();
        const { json } = await get('/v1/tasks/tried?include=attempts');
        expect(json).toMatchObject({
          state: 'archived',
          attempt: 1,
          last_error: { class: 'http_status', message: '410 Gone', status: 410, attempt: 1 },
        });
        expect(json.attempts).toEqual([
          {
            number: 1,
            started_at: '2026-11-24T08:00:00.131Z',
            finished_at: '2026-11-24T08:00:00.171Z',
            duration_ms: 40,
            wait_ms: 6,
            outcome: 'failed',
            next_at: null,
            reason: 'default: fail',
            error: { class: 'http_status', message: '410 Gone', status: 410, stack: STACK },
            worker_id: 'w',
            request: { method: 'POST' },
            response: { status: 410 },
          },
        ]);
        for (const role of ['viewer', 'submitter', 'operator'] as const) {
          const key = await app.createKey({ role });
          for (const path of ['/tasks/tried?', '/tasks?queue=tries&state=archived&']) {
            const { text } = await app.call('GET', `/v1${path}include=attempts`, { key });
            expect(text).toContain('410 Gone');
            expect(text.includes('jobs.ts:3:1')).toBe(role === 'operator');
          }
        }
      });

      test.each([
        [
          '{"n":1234567890123456789}',
          '"result":{"n":1234567890123456789},"result_content_type":"application/json"',
        ],
        ['plain', '"result":"plain","result_content_type":"text/plain; charset=utf-8"'],
      ])('shows the result %s unchanged', async (result, shown) => {
        const { id } = await submit({ queue: 'results' });
        const task = await take('results');
        const record = { number: 1, startedMs: 1, finishedMs: 2, outcome: 'succeeded' as const };
        await app.broker.consume.exchange({
          finishes: [{ task, outcome: 'succeeded', result: Buffer.from(result), record }],
          queues: [],
          room: 0,
          leaseMs: 1_000,
          worker: 'w',
        });
        expect((await get(`/v1/tasks/${id}`)).text).toContain(shown);
      });

      test('says what a task waits for that was given back, until it is taken again', async () => {
        await submit({ id: 'deferred', queue: 'deferred' });
        const task = await take('deferred');
        const reason = 'no worker for this type';
        await app.broker.consume.exchange({
          finishes: [{ task, outcome: 'defer', delayMs: 0, reason }],
          queues: [],
          room: 0,
          leaseMs: 1_000,
          worker: 'w',
        });
        const shown = { state: 'scheduled', attempt: 0, deferrals: 1, waiting_for: reason };
        expect((await get('/v1/tasks/deferred')).json).toMatchObject(shown);
        await app.broker.maintain.forward([{ queue: 'deferred', limit: 1 }]);
        await take('deferred');
        expect((await get('/v1/tasks/deferred')).json).toMatchObject({ deferrals: 1, waiting_for: null });
      });

      test('leaves out a payload over 64 KiB and says so', async () => {
        const { id } = await submit({ payload_text: 'x'.repeat(70_000) });
        expect((await get(`/v1/tasks/${id}`)).json).toMatchObject({ payload: null, payload_truncated: true });
      });

      test('hides secret headers of its callback', async () => {
        const headers = { authorization: 'Bearer s3cret', 'x-api-key': 's3cret', 'x-shop': 'a' };
        const { id } = await submit({ delay: '1h', callback: { url: 'https://x.test/', headers } });
        const { text, json } = await get(`/v1/tasks/${id}`);
        expect(json.callback.headers).toEqual({ authorization: '***', 'x-api-key': '***', 'x-shop': 'a' });
        expect(text).not.toContain('s3cret');
      });

      test('whose ID fits several tasks names them, and each can be picked', async () => {
        await app.store({ id: 'many', queue: 'left' });
        await app.store({ id: 'many', queue: 'left~cb' });
        await app.store({ id: 'shop-a.many', queue: 'right', meta: { business: 'shop-a' } });
        const { status, json } = await get('/v1/tasks/many');
        expect({ status, code: json.code }).toEqual({ status: 409, code: 'task-id-ambiguous' });
        expect(json.hits).toHaveLength(3);
        expect(json.hits).toContainEqual({ queue: 'left', kind: 'callback', business_id: null });
        expect((await get('/v1/tasks/many?queue=left')).status).toBe(409);
        expect((await get('/v1/tasks/many?queue=left&kind=callback')).json).toMatchObject({
          kind: 'callback',
        });
        expect((await get('/v1/tasks/many?business_id=shop-a')).json).toMatchObject({
          id: 'many',
          queue: 'right',
        });
      });

      test.each([
        ['/v1/tasks/unknown', 404, 'not-found'],
        ['/v1/tasks/a.b', 422, 'validation-failed'],
        ['/v1/tasks/x?kind=both', 422, 'validation-failed'],
        ['/v1/tasks/x?include=payload,logs', 422, 'validation-failed'],
        ['/v1/tasks/x?wait=30s', 422, 'validation-failed'],
        ['/v1/tasks/x?queue=a&queue=b', 422, 'validation-failed'],
      ])('%s is %d %s', async (path, status, code) => {
        expect((await get(path)).json).toMatchObject({ status, code });
      });
    });

    describe('a list', () => {
      test('needs a queue and a state, and names what is missing', async () => {
        const { json } = await get('/v1/tasks');
        expect(json.errors).toMatchObject([
          { parameter: 'queue', code: 'required' },
          { parameter: 'state', code: 'required' },
        ]);
      });

      test('names the parameter with an invalid value', async () => {
        for (const [query, parameter] of [
          ['include=payload,logs', 'include'],
          ['include=', 'include'],
          ['limit=1.5', 'limit'],
        ] as const) {
          const { json } = await get(`/v1/tasks?queue=default&state=pending&${query}`);
          expect(json.errors).toHaveLength(1);
          expect(json.errors[0]).toMatchObject({
            parameter,
            message: expect.stringMatching(/payload|whole/),
          });
        }
      });

      test('pages through both kinds, each task once, with the total', async () => {
        for (let i = 0; i < 5; i += 1) {
          await submit({ id: `h${i}`, queue: 'pages', delay: '1h' });
          await submit({ id: `c${i}`, queue: 'pages', delay: '1h', callback: { url: 'https://x.test/' } });
        }
        const seen: string[] = [];
        let cursor = '';
        for (let pages = 0; pages < 20; pages += 1) {
          const page = await get(`/v1/tasks?queue=pages&state=scheduled&limit=3${cursor}`);
          expect(page.json.total).toBe(10);
          expect(page.json.data.length).toBeLessThanOrEqual(3);
          seen.push(...idsOf(page));
          if (page.json.next_cursor === null) break;
          cursor = `&cursor=${page.json.next_cursor}`;
        }
        expect(seen.sort()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4', 'h0', 'h1', 'h2', 'h3', 'h4']);
        const callbacks = await get('/v1/tasks?queue=pages&state=scheduled&kind=callback');
        expect(callbacks.json).toMatchObject({ total: 5, next_cursor: null });
        expect(idsOf(callbacks).sort()).toEqual(['c0', 'c1', 'c2', 'c3', 'c4']);
      });

      test('shows parts only where they are asked for', async () => {
        await submit({ id: 'part', queue: 'parts', payload: { a: 1 } });
        const path = '/v1/tasks?queue=parts&state=pending';
        expect((await get(path)).json.data[0].payload).toBeUndefined();
        expect((await get(`${path}&include=payload`)).json.data[0].payload).toEqual({ a: 1 });
        // Many generated clients write a list so.
        const [both] = (await get(`${path}&include=payload&include=attempts`)).json.data;
        expect(both).toMatchObject({ payload: { a: 1 }, attempts: [] });
      });

      test('refuses a cursor of another list or another key, and an invalid one', async () => {
        for (let i = 0; i < 3; i += 1) await submit({ queue: 'cursors' });
        const path = '/v1/tasks?queue=cursors&state=pending&limit=1';
        const { next_cursor } = (await get(path)).json;
        const other = await app.createKey();
        const answers = [
          await get(`/v1/tasks?queue=cursors&state=retry&limit=1&cursor=${next_cursor}`),
          await app.call('GET', `${path}&cursor=${next_cursor}`, { key: other }),
          await get(`${path}&cursor=junk`),
        ];
        for (const { json } of answers)
          expect(json).toMatchObject({ status: 400, code: 'malformed', parameter: 'cursor' });
      });

      test.each([
        ['state=blocked', 'state', 'not_built_yet'],
        ['state=running', 'state', 'invalid_value'],
        ['state=pending&limit=0', 'limit', 'out_of_range'],
        ['state=pending&limit=501', 'limit', 'out_of_range'],
        ['state=pending&limit=x', 'limit', 'wrong_type'],
        ['state=pending&limit=0x10', 'limit', 'wrong_type'],
        ['state=pending&limit=1e1', 'limit', 'wrong_type'],
        ['state=pending&limit=%205', 'limit', 'wrong_type'],
        ['state=pending&business_id=a', 'business_id', 'not_built_yet'],
        ['state=pending&stat=a', 'stat', 'unknown_parameter'],
      ])('with %s is refused at %s', async (query, parameter, code) => {
        const { status, json } = await get(`/v1/tasks?queue=default&${query}`);
        expect(status).toBe(422);
        expect(json.errors).toMatchObject([{ parameter, code }]);
      });
    });

    describe('cancelling', () => {
      const cancel = (id: string, body?: unknown) => app.call('POST', `/v1/tasks/${id}/cancel`, { body });

      test('a task that waits means that it never starts; repeating it answers that it had finished', async () => {
        await submit({ id: 'c-wait', delay: '1h' });
        const first = await cancel('c-wait', { mode: 'soft', reason: 'not needed' });
        expect(first.json).toMatchObject({
          outcome: 'cancelled_before_start',
          task: { state: 'cancelled', cancel: { reason: 'not needed', mode: 'soft' } },
        });
        expect((await cancel('c-wait')).json).toMatchObject({
          outcome: 'already_finished',
          task: { state: 'cancelled' },
        });
      });

      test('a running task is requested: it stays active, shows who asked, and ends cancelled', async () => {
        await submit({ id: 'c-run', queue: 'running' });
        const task = await take('running');
        const first = await cancel('c-run', { reason: 'not needed' });
        const shown = { mode: 'soft', outcome: 'requested', reason: 'not needed', by: expect.any(String) };
        expect(first).toMatchObject({
          status: 200,
          json: { outcome: 'requested', task: { state: 'active', cancel: shown } },
        });
        const again = await cancel('c-run', { reason: 'another' });
        expect(again.json).toMatchObject({ outcome: 'requested', task: { cancel: first.json.task.cancel } });
        const record = { number: 1, startedMs: 0, finishedMs: 1, outcome: 'failed' } as const;
        const finishes = [{ task, record, outcome: 'retry', delayMs: 0, countsAsFailure: true } as const];
        await app.broker.consume.exchange({ finishes, queues: [], room: 0, leaseMs: 1, worker: 'w' });
        expect((await get('/v1/tasks/c-run?include=attempts')).json).toMatchObject({
          state: 'cancelled',
          cancel: first.json.task.cancel,
          attempts: [{ outcome: 'cancelled' }],
        });
        expect((await cancel('c-run')).json.outcome).toBe('already_finished');
      });

      test('a running task does not make it deletable', async () => {
        await submit({ id: 'c-del', queue: 'running' });
        await take('running');
        await cancel('c-del');
        const { json } = await app.call('DELETE', '/v1/tasks/c-del');
        expect(json).toMatchObject({ status: 409, code: 'wrong-state', state: 'active' });
      });

      test('by force, by an unknown mode or with a wait is refused by name', async () => {
        expect((await cancel('x', { mode: 'force' })).json.errors).toMatchObject([
          { code: 'not_built_yet', pointer: '/mode' },
        ]);
        expect((await cancel('x', { mode: 'hard' })).json.errors).toMatchObject([{ code: 'invalid_value' }]);
        expect((await cancel('x', { wait: '1s' })).json.errors).toMatchObject([
          { code: 'not_built_yet', pointer: '/wait' },
        ]);
        expect((await cancel('unknown')).status).toBe(404);
      });

      test('is written to the log as audit', async () => {
        await submit({ id: 'c:log', delay: '1h' });
        await cancel(encodeURIComponent('c:log'));
        expect(app.logged.at(-1)).toMatchObject({
          message: 'audit',
          fields: { action: 'cancelTask', target: 'c:log' },
        });
      });
    });

    test('a deleted task is gone', async () => {
      await submit({ id: 'gone', delay: '1h' });
      expect(await app.call('DELETE', '/v1/tasks/gone')).toMatchObject({ status: 204, text: '' });
      expect((await get('/v1/tasks/gone')).status).toBe(404);
      expect((await app.call('DELETE', '/v1/tasks/gone')).status).toBe(404);
    });
  });
