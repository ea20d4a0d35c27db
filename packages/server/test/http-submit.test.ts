import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, testConfig, type TestApp } from './support/test-app.ts';

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app.close());

const submit = (body: unknown, headers: Record<string, string> = {}) =>
  app.call('POST', '/v1/tasks', { body, headers });
const url = 'https://erp.example.com/hook';

describe('a submitted task', () => {
  test('of example A is answered as the contract shows it', async () => {
    const { status, headers, json } = await submit({
      id: 'paid-1001',
      type: 'order.paid',
      queue: 'critical',
      business_id: 'shop-a',
      user_id: 'u-42',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      payload: { order_id: 'A-1001', amount: 12_900 },
      callback: { url },
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/v1/tasks/paid-1001?queue=critical&business_id=shop-a');
    expect(json).toMatchObject({
      id: 'paid-1001',
      kind: 'callback',
      type: 'order.paid',
      queue: 'critical',
      priority: 'critical',
      state: 'pending',
      business_id: 'shop-a',
      user_id: 'u-42',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      max_attempts: 4,
      timeout: '10s',
      origin: 'api',
      version: 1,
      callback: { url, method: 'POST', body: 'payload', connect_timeout: '3s' },
    });
    expect(json.delivery_id).toMatch(/^dlv_[a-z2-7]{26}$/);
    expect(json.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(app.reportedQueues).toContain('critical');
  });

  test('reads back as it was answered', async () => {
    const body = {
      id: 'twin',
      type: 't',
      delay: '1h',
      tags: ['a', 'b'],
      user_id: 'u',
      deadline: new Date(Date.now() + 7_200_000).toISOString(),
      timeout: '1500ms',
      retention: '7d',
      retry: { max_retries: 5, backoff: { kind: 'list', delays: ['1s', '1m'], jitter: 0 } },
      payload_text: 'hello',
    };
    const submitted = await submit(body);
    expect(submitted.json.state).toBe('scheduled');
    expect(submitted.json).toMatchObject({ timeout: '1s500ms', retention: '7d', payload_text: 'hello' });
    expect(submitted.json.retry).toEqual({
      max_retries: 5,
      backoff: { kind: 'list', delays: ['1s', '1m'], jitter: 0 },
    });
    const { deadline, ...read } = (await app.call('GET', '/v1/tasks/twin')).json;
    const { deadline: asked, ...answered } = submitted.json;
    expect(read).toEqual(answered);
    expect(asked).toBe(body.deadline);
    // Stored in whole seconds, rounded up.
    expect(Date.parse(deadline)).toBeGreaterThanOrEqual(Date.parse(asked));
    expect(Date.parse(deadline)).toBeLessThan(Date.parse(asked) + 1_000);
  });

  test('keeps 19-digit integers and every other byte of its payload', async () => {
    const payload = '{ "id":1234567890123456789, "a":1, "a":2, "f":1.10, "s":"\\u00e9\\ud800 é" }';
    const { text } = await submit(`{"id":"big","type":"t","payload":${payload}}`);
    expect(text).toContain(`"payload":${payload}`);
    expect((await app.call('GET', '/v1/tasks/big')).text).toContain(`"payload":${payload}`);
    const stored = await app.broker.inspect.task({ queue: 'default', id: 'big' });
    expect(Buffer.from(stored?.payload ?? []).toString()).toBe(payload);
  });

  test.each([
    [{ payload_text: 'plain ✓' }, { content_type: 'text/plain; charset=utf-8', payload_text: 'plain ✓' }],
    [{ payload_base64: '/wD+' }, { content_type: 'application/octet-stream', payload_base64: '/wD+' }],
    [{ payload: { a: 1 }, content_type: 'application/cloudevents+json' }, { payload: { a: 1 } }],
    [{ payload: null }, { content_type: null, payload: null }],
    [{}, { content_type: null, payload: null }],
  ])('with %j is shown with %j', async (given, shown) => {
    const { json } = await submit({ type: 't', ...given });
    expect(json).toMatchObject(shown);
    expect((await app.call('GET', `/v1/tasks/${json.id}`)).json).toMatchObject(shown);
  });

  test('gets an ID, a queue, a trace and other defaults', async () => {
    const { json } = await submit({ type: 't' });
    expect(json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab]/);
    expect(json).toMatchObject({ queue: 'default', priority: 'normal', timeout: '30m', retention: '1d' });
    expect(json.trace_id).toMatch(/^[0-9a-f]{32}$/);
  });

  test.each([
    ['critical', 'critical'],
    ['high', 'high'],
    ['normal', 'default'],
    ['low', 'low'],
    [3, 'critical'],
    [2, 'high'],
    [1, 'default'],
    [0, 'low'],
  ])('with priority %j goes into the queue %s', async (priority, queue) => {
    expect((await submit({ type: 't', priority })).json.queue).toBe(queue);
  });

  test('takes its trace from the body, else from the headers', async () => {
    const header = '00-11111111111111111111111111111111-2222222222222222-01';
    const own = '33333333333333333333333333333333';
    expect((await submit({ type: 't' }, { traceparent: header })).json.traceparent).toBe(header);
    expect((await submit({ type: 't', trace_id: own }, { traceparent: header })).json.trace_id).toBe(own);
    expect((await submit({ type: 't' }, { traceparent: 'junk' })).json.trace_id).not.toBe('junk');
    const stateOf = async (tracestate: string) =>
      (await submit({ type: 't' }, { traceparent: header, tracestate })).json.tracestate;
    expect(await stateOf('vendor=1')).toBe('vendor=1');
    expect(await stateOf('v=é')).toBeNull();
    expect(await stateOf(`v=${'x'.repeat(600)}`)).toBeNull();
  });

  test('with a time in the past is due at once', async () => {
    const { json } = await submit({ type: 't', run_at: '2001-01-01T00:00:00+08:00' });
    expect(json).toMatchObject({ state: 'pending', due_at: null });
  });

  test('that repeats an ID is refused, and the first one is untouched', async () => {
    await submit({ id: 'once', type: 'first' });
    const { status, json } = await submit({ id: 'once', type: 'second' });
    expect({ status, ...json }).toMatchObject({
      status: 409,
      code: 'task-exists',
      id: 'once',
      queue: 'default',
    });
    expect((await app.call('GET', '/v1/tasks/once')).json.type).toBe('first');
  });
});

type InvalidCase = readonly [fields: object, pointer: string, code: string, words: string];

describe('invalid input', () => {
  const longName = 'x'.repeat(129);
  test.each<InvalidCase>([
    [{ pritority: 1 }, '/pritority', 'unknown_field', 'did you mean priority?'],
    [{ zzz: 1 }, '/zzz', 'unknown_field', 'is not a known field'],
    [{ retry: { max_retry: 1 } }, '/retry/max_retry', 'unknown_field', 'did you mean max_retries?'],
    [{ callback: { url, methd: 'GET' } }, '/callback/methd', 'unknown_field', 'did you mean method?'],
    [{ type: 7 }, '/type', 'wrong_type', 'must be a string'],
    [{ type: null }, '/type', 'wrong_type', 'must be a string'],
    [{ type: '' }, '/type', 'invalid_value', 'empty'],
    [{ tags: 'a' }, '/tags', 'wrong_type', 'array'],
    [{ tags: Array.from({ length: 11 }, (_, i) => `t${i}`) }, '/tags', 'too_long', '10 tags'],
    [{ delay: 10 }, '/delay', 'wrong_type', 'must be a string'],
    [{ delay: '10' }, '/delay', 'invalid_value', 'duration'],
    [{ delay: '-1s' }, '/delay', 'invalid_value', 'duration'],
    [{ delay: '9999d' }, '/delay', 'invalid_value', 'duration'],
    [{ run_at: 1795507200 }, '/run_at', 'wrong_type', 'must be a string'],
    [{ run_at: 'tomorrow' }, '/run_at', 'invalid_value', 'RFC 3339'],
    [{ run_at: '2026-02-30T00:00:00Z' }, '/run_at', 'invalid_value', 'RFC 3339'],
    [{ run_at: '9999-01-01T00:00:00Z' }, '/run_at', 'invalid_value', 'ten years'],
    [{ deadline: '1999-12-31T23:59:59Z' }, '/deadline', 'invalid_value', '2000'],
    [{ queue: 'a{b}' }, '/queue', 'invalid_value', 'braces'],
    [{ queue: 'a\u0007b' }, '/queue', 'invalid_value', 'control'],
    [{ queue: ' a' }, '/queue', 'invalid_value', 'blank'],
    [{ queue: longName }, '/queue', 'invalid_value', '128 bytes'],
    [{ queue: '你'.repeat(43) }, '/queue', 'invalid_value', '128 bytes'],
    [{ queue: 'orders~cb' }, '/queue', 'invalid_value', 'reserved'],
    [{ queue: 'low', priority: 'high' }, '/priority', 'contradiction', 'high'],
    [{ priority: 4 }, '/priority', 'invalid_value', 'critical'],
    [{ id: 'a b' }, '/id', 'invalid_value', '1-100'],
    [{ id: 'x'.repeat(101) }, '/id', 'invalid_value', '1-100'],
    [{ business_id: 'a.b' }, '/business_id', 'invalid_value', '1-64'],
    [{ user_id: 'ü' }, '/user_id', 'invalid_value', 'ASCII'],
    [{ traceparent: '00-0' }, '/traceparent', 'invalid_value', 'W3C'],
    [{ timeout: '999ms' }, '/timeout', 'invalid_value', '1s to 7d'],
    [{ timeout: '16m', callback: { url } }, '/timeout', 'out_of_range', '15m'],
    [{ retention: '91d' }, '/retention', 'invalid_value', '90d'],
    [{ retry: { max_retries: -1 } }, '/retry/max_retries', 'out_of_range', 'at least 0'],
    [{ retry: 'never' }, '/retry', 'invalid_value', 'patient'],
    [{ retry: { backoff: { kind: 'cubic' } } }, '/retry/backoff/kind', 'invalid_value', 'exponential'],
    [{ delay: '1s', run_at: '2026-01-01T00:00:00Z' }, '/run_at', 'contradiction', 'delay'],
    [{ payload: 1, payload_text: 'x' }, '/payload_text', 'contradiction', 'payload'],
    [{ payload_base64: 'a' }, '/payload_base64', 'invalid_value', 'base64'],
    [{ callback: { url: 'ftp://x' } }, '/callback/url', 'invalid_url', 'https'],
    [{ callback: { url: 'https://user@x.test/' } }, '/callback/url', 'invalid_url', 'user name'],
    [{ callback: { url: 'https://x:99999/' } }, '/callback/url', 'invalid_url', 'port'],
    [{ callback: {} }, '/callback/url', 'required', 'is required'],
    [{ callback: { url, method: 'HEAD' } }, '/callback/method', 'invalid_value', 'POST'],
    [{ callback: { url, headers: { Host: 'x' } } }, '/callback/headers/Host', 'invalid_value', 'service'],
    [{ callback: { url, headers: { 'x-a': 'a\r\nb' } } }, '/callback/headers/x-a', 'invalid_value', 'value'],
    [{ callback: { url, headers: { 'x-a': 'x'.repeat(9_000) } } }, '/callback/headers', 'too_long', '8192'],
    [{ callback: { url, redirects: 'same_host' } }, '/callback/redirects', 'not_built_yet', 'not built'],
    [{ durability: 'fsync' }, '/durability', 'not_built_yet', 'not built'],
    ...['unique', 'debounce', 'after', 'on_dependency_failure', 'limit_key', 'fair_key', 'max_age'].map(
      (field) => [{ [field]: {} }, `/${field}`, 'not_built_yet', 'not built'] as const,
    ),
    ...['completion', 'signing_key', 'notify'].map(
      (field) =>
        [{ callback: { url, [field]: {} } }, `/callback/${field}`, 'not_built_yet', 'not built'] as const,
    ),
    [{ retry: { rules: [] } }, '/retry/rules', 'not_built_yet', 'not built'],
  ])('%j is refused at %s', async (...[fields, pointer, code, words]) => {
    const { status, headers, json } = await submit({ type: 't', ...fields });
    expect(status).toBe(422);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(json).toMatchObject({ code: 'validation-failed', status: 422, instance: '/v1/tasks' });
    expect(json.errors).toHaveLength(1);
    expect(json.errors[0]).toMatchObject({ pointer, code });
    expect(json.errors[0].message).toContain(words);
  });

  test('is reported all at once, with paths and values but without secrets', async () => {
    const { json } = await submit({
      pritority: 1,
      delay: 10,
      payload_text: 7,
      callback: { url: 'ftp://u:secret@x/?token=secret', headers: { authorization: 7 } },
    });
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/callback/headers/authorization',
      '/callback/url',
      '/delay',
      '/payload_text',
      '/pritority',
    ]);
    expect(JSON.stringify(json)).not.toContain('secret');
    expect(json.errors.find(({ pointer }: { pointer: string }) => pointer === '/delay').got).toBe('10');
  });

  test('without a type or a callback is reported at the type', async () => {
    expect((await submit({})).json.errors).toMatchObject([{ pointer: '/type', code: 'required' }]);
  });

  test('that is not an object is refused', async () => {
    for (const body of ['null', '[]', '1', '"x"']) expect((await submit(body)).status).toBe(422);
  });

  test.each([
    ['{"type":', 'ends too soon', 8],
    ['{"type":"a","type":"b"}', 'twice', 12],
    ['{"__proto__":1}', '__proto__', 1],
    [`{"type":"t","tags":${'['.repeat(40)}${']'.repeat(40)}}`, '32 deep', 50],
    ['{"id":12345678901234567890}', '2^53-1', 6],
    ['\ufeff{}', 'byte order mark', 0],
  ])('such as %s is refused with the offset of the fault', async (body, words, offset) => {
    const { json } = await submit(body);
    expect(json).toMatchObject({ status: 400, code: 'malformed', offset });
    expect(json.detail).toContain(words);
  });

  test('that is not UTF-8 is refused', async () => {
    expect((await submit(Buffer.from([0x7b, 0xff, 0x7d]))).json.code).toBe('malformed');
  });

  test.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/json; charset=utf-16' }],
    [{ 'content-encoding': 'gzip' }],
  ])('with the headers %j has an unsupported media type', async (headers) => {
    expect((await submit({ type: 't' }, headers)).json).toMatchObject({
      status: 415,
      code: 'unsupported-media',
    });
  });

  test('over a limit is too large; the answer has the limit and the size', async () => {
    const payload = await submit({ type: 't', payload_text: 'x'.repeat(262_145) });
    expect(payload.json).toMatchObject({ status: 413, code: 'too-large', limit: 262_144, got: 262_145 });
    expect((await submit({ type: 't', payload_text: 'x'.repeat(262_144) })).status).toBe(201);
    const body = await submit({ type: 't', payload_text: 'x'.repeat(1_100_000) });
    expect(body.json).toMatchObject({ status: 413, code: 'too-large', limit: 1_048_576 });
  });

  test('with Idempotency-Key, If-Match or with unknown or unbuilt parameters is refused, with their names', async () => {
    const { json } = await app.call('POST', '/v1/tasks?dry_run=true&dryrun=1', {
      body: { type: 't' },
      headers: { 'idempotency-key': 'k', 'if-match': '"v7"' },
    });
    expect(json.errors).toMatchObject([
      { header: 'idempotency-key', code: 'not_built_yet' },
      { header: 'if-match', code: 'not_built_yet' },
      { parameter: 'dry_run', code: 'not_built_yet' },
      { parameter: 'dryrun', code: 'unknown_parameter' },
    ]);
  });
});

describe('in mode service', () => {
  test('a callback to an address that is not allowed is blocked; the answer has the configuration to add', async () => {
    const guarded = await testApp({
      config: testConfig({}, 'callbacks:\n  allow: [{ host: erp.lan, ports: [8080], http: true }]'),
    });
    try {
      const body = (target: string) => ({ body: { callback: { url: target } } });
      const { json } = await guarded.call('POST', '/v1/tasks', body('http://169.254.169.254/latest'));
      expect(json).toMatchObject({
        status: 422,
        code: 'url-blocked',
        pointer: '/callback/url',
        address: '169.254.169.254',
      });
      expect(json.configuration).toContain('TASKCENTER_CALLBACKS_ALLOW=');
      expect((await guarded.call('POST', '/v1/tasks', body('http://erp.lan:8080/x'))).status).toBe(201);
    } finally {
      await guarded.close();
    }
  });
});
