import { createApiClient, ApiError, RawJson, routeList } from '@task-center/api';
import { connect, isTaskId, queueNameFault, type Broker } from '@task-center/engine';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { queueName, taskInput } from '@task-center/api';
import { pageHtml } from '../src/http/service/page-html.ts';
import { testApp, testConfig, type TestApp } from './support/test-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app.close());

describe('every answer', () => {
  test.each([
    ['GET', '/v1/queues', 200],
    ['GET', '/nowhere', 404],
    ['PATCH', '/v1/tasks', 405],
    ['GET', '/healthz', 200],
  ])('of %s %s carries its headers', async (method, path, status) => {
    const answer = await app.call(method, path);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('task-center-version')).toBe('0.0.0-test');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    if (status >= 400) {
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.json).toMatchObject({
        status,
        type: `urn:problem-type:task-center:${answer.json.code}`,
        request_id: answer.headers.get('x-request-id'),
      });
    }
  });

  test('keeps a valid request ID and replaces any other', async () => {
    const answer = (id: string) => app.call('GET', '/healthz', { headers: { 'x-request-id': id } });
    expect((await answer('abc-1.2')).headers.get('x-request-id')).toBe('abc-1.2');
    expect((await answer('a b')).headers.get('x-request-id')).not.toBe('a b');
    expect((await answer('x'.repeat(65))).headers.get('x-request-id')).not.toBe('x'.repeat(65));
  });

  test('names the methods that a path allows', async () => {
    const refused = await app.call('PATCH', '/v1/tasks/x');
    expect(refused.headers.get('allow')).toBe('GET, DELETE, HEAD, OPTIONS');
    const options = await app.call('OPTIONS', '/v1/tasks', { key: null });
    expect({ status: options.status, allow: options.headers.get('allow') }).toEqual({
      status: 204,
      allow: 'POST, GET, HEAD, OPTIONS',
    });
    expect(options.headers.get('access-control-allow-origin')).toBeNull();
    expect(await app.call('HEAD', '/v1/queues')).toMatchObject({ status: 200, text: '' });
  });

  test('to a URL over the limit is the problem too-large', async () => {
    expect((await app.call('GET', `/v1/me?${'x'.repeat(2_050)}`)).json).toMatchObject({
      status: 413,
      code: 'too-large',
    });
  });

  test('to an unexpected body is the problem malformed', async () => {
    const { json } = await app.call('DELETE', '/v1/tasks/x', {
      body: '{}',
      headers: { 'content-length': '2' },
    });
    expect(json.code).toBe('malformed');
  });

  test('to a defect shows nothing of it; the log has the details', async () => {
    const broken = await testApp({
      wrap: (broker) => ({
        ...broker,
        documents: broker.documents,
        inspect: new Proxy(broker.inspect, {
          get: () => () => Promise.reject(new Error('secret detail')),
        }),
        close: () => broker.close(),
      }),
    });
    try {
      const { status, text, json } = await broken.call('GET', '/v1/queues');
      expect({ status, code: json.code }).toEqual({ status: 500, code: 'internal' });
      expect(text).not.toMatch(/secret|at .*\.ts/);
      expect(broken.logged).toContainEqual(
        expect.objectContaining({ fields: expect.objectContaining({ request_id: json.request_id }) }),
      );
    } finally {
      await broken.close();
    }
  });
});

describe('with too many requests in progress', () => {
  test('further ones are refused at once, except health checks, until some have ended', async () => {
    let answer = () => {};
    const isAnswered = new Promise<void>((resolve) => (answer = resolve));
    let begun = 0;
    const list = async (broker: Broker) => {
      begun += 1;
      await isAnswered;
      return broker.inspect.queues();
    };
    const config = testConfig({ 'http.port': '0', 'http.max_requests': '2' });
    const other = await testApp({
      config,
      wrap: (broker) => ({
        ...broker,
        inspect: { ...broker.inspect, queues: () => list(broker) },
      }),
    });
    try {
      const working = [other.call('GET', '/v1/queues'), other.call('GET', '/v1/queues')];
      await vi.waitFor(() => expect(begun).toBe(2), { timeout: 10_000 });
      const { status, json, headers } = await other.call('POST', '/v1/tasks', { body: { type: 't' } });
      expect(status).toBe(503);
      expect(json).toMatchObject({ code: 'overloaded', outcome: 'not_stored' });
      expect(headers.get('retry-after')).toBe('1');
      expect((await other.call('GET', '/healthz')).status).toBe(200);
      answer();
      expect((await Promise.all(working)).map((one) => one.status)).toEqual([200, 200]);
      expect((await other.call('GET', '/v1/queues')).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe('while the service stops', () => {
  test('new calls get 503 and it is no longer ready', async () => {
    const other = await testApp();
    try {
      other.state.markStopping();
      const { status, json, headers } = await other.call('POST', '/v1/tasks', { body: { type: 't' } });
      expect({ status, code: json.code }).toEqual({ status: 503, code: 'shutting-down' });
      expect(headers.get('connection')).toBe('close');
      expect((await other.call('GET', '/readyz')).json).toEqual({ status: 'stopping' });
      expect((await other.call('GET', '/startupz')).status).toBe(200);
      expect((await other.call('GET', '/healthz')).status).toBe(200);
    } finally {
      await other.close();
    }
  });
});

describe('the OpenAPI document', () => {
  const document = async () => (await app.call('GET', '/openapi.json', { key: null })).json;

  test('has every route with its role, its schemas and its problems', async () => {
    const { openapi, paths } = await document();
    expect(openapi).toBe('3.1.0');
    for (const route of routeList) {
      const operation = paths[route.path][route.method.toLowerCase()];
      expect(operation).toMatchObject({
        operationId: route.operationId,
        'x-role': route.role,
        summary: route.summary,
      });
      const openToo = 'mayBeOpen' in route ? [{}] : [];
      expect(operation.security).toEqual(route.role === '-' ? [] : [{ key: [] }, ...openToo]);
      expect(operation.requestBody === undefined).toBe(route.body === undefined);
      for (const status of Object.keys(route.answers)) expect(operation.responses[status]).toBeDefined();
      expect(operation.responses['500']).toBeDefined();
      const named = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = operation.parameters.filter((parameter: { in: string }) => parameter.in === 'path');
      expect(inPath.map(({ name }: { name: string }) => name)).toEqual(named);
    }
    const ids = routeList.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('describes a list in a query as values separated by commas', async () => {
    const { parameters } = (await document()).paths['/v1/tasks'].get;
    expect(parameters.find(({ name }: { name: string }) => name === 'include')).toMatchObject({
      schema: { type: 'array', items: { $ref: '#/components/schemas/TaskPart' } },
      style: 'form',
      explode: false,
    });
  });

  test('describes a task to submit: required, without further fields', async () => {
    const { paths, components } = await document();
    const { schema } = paths['/v1/tasks'].post.requestBody.content['application/json'];
    expect(schema).toMatchObject({ $ref: '#/components/schemas/TaskInput' });
    const { TaskInput, CallbackInput } = components.schemas;
    expect(TaskInput.additionalProperties).toBe(false);
    expect(Object.keys(TaskInput.properties)).toEqual(Object.keys(taskInput.shape));
    expect(CallbackInput.required).toEqual(['url']);
    const query = paths['/v1/tasks'].get.parameters;
    expect(query).toContainEqual(expect.objectContaining({ name: 'limit', in: 'query', required: false }));
    expect(query).toContainEqual(expect.objectContaining({ name: 'queue', in: 'query', required: true }));
  });
});

describe('the client', () => {
  const client = (key?: string) =>
    createApiClient({
      baseUrl: 'http://test/',
      ...(key !== undefined && { key }),
      fetch: async (input, init) => {
        const { pathname, search } = new URL(input as string);
        const sent = new Headers(init?.headers);
        const answer = await app.call(init?.method ?? 'GET', pathname + search, {
          key: null,
          headers: Object.fromEntries(sent),
          ...(init?.body !== undefined && { body: init.body }),
        });
        const text = answer.status === 204 ? null : answer.text;
        return new Response(text, { status: answer.status, headers: answer.headers });
      },
    });

  test('calls operations by name and returns their answers', async () => {
    const api = client(await app.createKey());
    const payload = new RawJson('{"n":1234567890123456789}');
    const task = await api.submitTask({ body: { id: 'by-client', type: 't', queue: 'mine/1', payload } });
    expect(task.state).toBe('pending');
    expect((await app.call('GET', '/v1/tasks/by-client')).text).toContain('{"n":1234567890123456789}');
    const list = await api.listTasks({ query: { queue: 'mine/1', state: 'pending', limit: '1' } });
    expect(list.data[0]?.id).toBe('by-client');
    expect((await api.getQueue({ params: { name: 'mine/1' } })).counts?.pending).toBe(1);
    expect((await api.cancelTask({ params: { id: 'by-client' } })).outcome).toBe('cancelled_before_start');
    expect(await api.deleteTask({ params: { id: 'by-client' } })).toBeUndefined();
    expect((await api.getHealth()).status).toBe('ok');
    expect(await api.getPage()).toContain('<!doctype html>');
  });

  test('throws a problem as ApiError', async () => {
    const failed = await client()
      .getMe()
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(ApiError);
    expect(failed).toMatchObject({ status: 401, problem: { code: 'unauthenticated' } });
  });
});

describe('the contract and the engine', () => {
  test('agree on names and IDs: the engine accepts all that the API accepts', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 140 }),
      fc.stringMatching(/^[a-z~{} ]{0,6}~?[a-z0-9]{0,3}$/),
      fc.string({ minLength: 120, maxLength: 135 }),
    );
    const fits = (name: string) => !queueName.safeParse(name).success || queueNameFault(name) === null;
    fc.assert(
      fc.property(names, (name) => fits(name)),
      { examples: [['.'], ['..'], ['...'], ['orders~cb']] },
    );
    const ids = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9_:-]{0,102}$/));
    fc.assert(fc.property(ids, (id) => !taskInput.safeParse({ id }).success || isTaskId(id)));
  });
});

describe('the page', () => {
  test('shows counts in mode try on loopback, and runs no scripts', async () => {
    await app.call('POST', '/v1/tasks', { body: { type: 't', queue: 'low' } });
    const { text, headers } = await app.call('GET', '/', { key: null, headers: { host: '127.0.0.1:7420' } });
    expect(text.startsWith('<!doctype html>')).toBe(true);
    expect(text).toContain('Mode try');
    expect(text).toContain('<th scope="row">low</th>');
    expect(text).not.toContain('<script');
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; style-src 'sha256-[^']+'/);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  test('shows no counts under a host name that was rebound to this machine', async () => {
    const { text } = await app.call('GET', '/', { key: null, headers: { host: 'evil.test' } });
    expect(text).not.toContain('<th scope="row">low</th>');
    expect(text).toContain('sign in with a key');
    expect(text).not.toContain('tasks.db');
  });

  test('behind a proxy shows the kind of the broker, not its address', async () => {
    const service = await testApp({ config: testConfig({ 'callbacks.allow': [] }, 'log: {level: info}') });
    try {
      for (const host of ['127.0.0.1:7420', 'tasks.example.com']) {
        const { text } = await service.call('GET', '/', { key: null, headers: { host } });
        expect(text).toContain('<dt>Broker</dt><dd>SQLite</dd>');
        expect(text).not.toContain('tasks.db');
      }
      const forwarded = { host: '127.0.0.1', 'x-forwarded-for': '203.0.113.9' };
      const { text } = await app.call('GET', '/', { key: null, headers: forwarded });
      expect(text).not.toMatch(/tasks\.db|<th scope="row">/);
    } finally {
      await service.close();
    }
  });

  test('shows neither counts nor the broker off loopback', async () => {
    const publicApp = await testApp({ config: testConfig({ 'http.host': '0.0.0.0' }) });
    try {
      const { text } = await publicApp.call('GET', '/', { key: null, headers: { host: '127.0.0.1' } });
      expect(text).not.toContain('tasks.db');
      expect(text).toContain('sign in with a key');
      expect(text).not.toContain('Mode try');
    } finally {
      await publicApp.close();
    }
  });

  test('escapes every value', () => {
    const facts = {
      version: '<b>',
      broker: '"x"',
      roles: ['<i>'],
      mode: 'service' as const,
      upSeconds: 90_061,
    };
    const html = pageHtml({ ...facts, now: new Date(0), queues: null });
    expect(html).toContain('&lt;b&gt;');
    expect(html).not.toContain('<i>');
    expect(html).toContain('1 d 1 h 1 min');
    expect(html).toContain('does not answer');
  });
});

test('a request that was forwarded by a proxy ends mode try', async () => {
  const other = await testApp();
  try {
    const submit = () =>
      other.call('POST', '/v1/tasks', { body: { callback: { url: 'http://127.0.0.1:1/' } } });
    expect((await submit()).status).toBe(201);
    await other.call('GET', '/healthz', { headers: { 'x-forwarded-for': '10.0.0.1' } });
    expect((await submit()).json.code).toBe('url-blocked');
    expect(other.rules.mode).toBe('service');
  } finally {
    await other.close();
  }
});

test('connect refuses an invalid broker URL', async () => {
  await expect(connect('mysql://x')).rejects.toMatchObject({ code: 'invalid-value' });
});
