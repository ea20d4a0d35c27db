import { describe, expect, test } from 'vitest';
import { callbackOf } from './callback.ts';
import { callbackRequest, type Delivery } from './request.ts';

const CREATED = Date.parse('2026-11-24T08:00:00.125Z');
const STARTED = Date.parse('2026-11-24T08:00:00.131Z');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

const callback = (stored: Record<string, unknown> = {}) => {
  const found = callbackOf({ callback: { url: 'https://erp.example.com/hooks/task', ...stored } });
  if (!found) throw new Error('no callback');
  return found;
};

const aDelivery = (over: Partial<Delivery> = {}): Delivery => ({
  callback: callback(),
  id: 'paid-1001',
  queue: 'critical',
  type: 'order.paid',
  payload: Buffer.from('{"order_id":"A-1001","amount":12900}'),
  contentType: undefined,
  context: {
    businessId: 'shop-a',
    userId: 'u-42',
    traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
  },
  fire: null,
  attempt: 1,
  maxAttempts: 4,
  createdMs: CREATED,
  startedMs: STARTED,
  deadlineMs: STARTED + 10_000,
  spanId: 'b7ad6b7169203331',
  ...over,
});

const textOf = (delivery: Delivery) => Buffer.from(callbackRequest(delivery).body ?? []).toString();

test('the example of the API is sent word for word', () => {
  const { url, method, headers, body } = callbackRequest(aDelivery());
  expect({ url, method }).toEqual({ url: 'https://erp.example.com/hooks/task', method: 'POST' });
  expect(Object.entries(headers).map(([name, value]) => `${name}: ${value}`)).toEqual([
    'content-type: application/json',
    'webhook-id: dlv_3tukrgvhavrg7dn4how343diwy',
    'webhook-timestamp: 1795507200',
    'idempotency-key: dlv_3tukrgvhavrg7dn4how343diwy',
    `traceparent: 00-${TRACE}-b7ad6b7169203331-01`,
    'task-center-task-id: paid-1001',
    'task-center-queue: critical',
    'task-center-type: order.paid',
    'task-center-attempt: 1',
    'task-center-max-attempts: 4',
    'task-center-scheduled-at: 2026-11-24T08:00:00.125Z',
    'task-center-deadline: 2026-11-24T08:00:10.131Z',
    'task-center-business-id: shop-a',
    'task-center-user-id: u-42',
    `task-center-trace-id: ${TRACE}`,
    'user-agent: task-center',
    'accept-encoding: identity',
  ]);
  expect(Buffer.from(body ?? []).toString()).toBe('{"order_id":"A-1001","amount":12900}');
});

describe('headers', () => {
  test('name the fire of a schedule, and which of its tasks it is', () => {
    const fire = { scheduleId: 'daily-report', atMs: CREATED, shard: { index: 0, total: 8 } };
    expect(callbackRequest(aDelivery({ fire })).headers).toMatchObject({
      'task-center-schedule-id': 'daily-report',
      'task-center-fire-at': '2026-11-24T08:00:00.125Z',
      'task-center-shard': '0/8',
    });
    const { headers } = callbackRequest(aDelivery({ fire: { ...fire, shard: null } }));
    expect(headers).not.toHaveProperty('task-center-shard');
  });

  test('without a value are left out', () => {
    const { headers } = callbackRequest(aDelivery({ context: {}, deadlineMs: 0 }));
    for (const name of ['traceparent', 'tracestate', 'task-center-deadline', 'task-center-business-id'])
      expect(headers).not.toHaveProperty(name);
  });

  test('percent-encode names that are not ASCII', () => {
    const { headers } = callbackRequest(aDelivery({ queue: '订单', type: 'größe 100%' }));
    expect(headers['task-center-queue']).toBe('%E8%AE%A2%E5%8D%95');
    expect(headers['task-center-type']).toBe('gr%C3%B6%C3%9Fe 100%25');
  });

  test('of the submitter may replace some of ours and add others', () => {
    const headers = { 'User-Agent': 'shop/1', 'Idempotency-Key': 'mine', 'X-Shop': 'a' };
    expect(callbackRequest(aDelivery({ callback: callback({ headers }) })).headers).toMatchObject({
      'user-agent': 'shop/1',
      'idempotency-key': 'mine',
      'x-shop': 'a',
      'webhook-id': 'dlv_3tukrgvhavrg7dn4how343diwy',
    });
  });

  test('of a stored task that may not be set, or that become one, are left out', () => {
    const headers = {
      Task_Center_Business_Id: 'forged',
      Webhook_Id: 'forged',
      X_Forwarded_For: '10.0.0.1',
      'bad name': 'x',
      'x-value': 'a\r\nb',
      x_note: 'first',
      'X-Note': 'second',
      User_Agent: 'shop/1',
    };
    const sent = callbackRequest(aDelivery({ callback: callback({ headers }) })).headers;
    const plain = callbackRequest(aDelivery()).headers;
    expect(sent).toEqual({ ...plain, x_note: 'first', 'user-agent': 'shop/1' });
  });

  test('of a delayed task say when it was scheduled for', () => {
    const delayed = callback({ scheduled_at: '2026-11-24T09:00:00.000Z' });
    expect(callbackRequest(aDelivery({ callback: delayed })).headers['task-center-scheduled-at']).toBe(
      '2026-11-24T09:00:00.000Z',
    );
  });
});

describe('the body', () => {
  const exact = Buffer.from('{ "id":1234567890123456789 ,"x":1.0e0 }');

  test('is the payload as it was stored', () => {
    expect(callbackRequest(aDelivery({ payload: exact })).body).toEqual(exact);
  });

  test('as an envelope contains the payload byte for byte', () => {
    const delivery = aDelivery({ payload: exact, callback: callback({ body: 'envelope' }) });
    expect(textOf(delivery)).toBe(
      '{"type":"order.paid","timestamp":"2026-11-24T08:00:00.131Z","data":{ "id":1234567890123456789 ,"x":1.0e0 },' +
        '"task":{"id":"paid-1001","queue":"critical","attempt":1,"business_id":"shop-a","user_id":"u-42",' +
        `"trace_id":"${TRACE}","scheduled_at":"2026-11-24T08:00:00.125Z"},"parents":[]}`,
    );
  });

  test.each([
    ['has text as a string', 'text/plain', Buffer.from('a "b"\n'), 'a "b"\n'],
    ['has bytes in base64', 'application/octet-stream', Buffer.from([0xff, 0x00]), '/wA='],
    [
      'has a +json type as JSON',
      'application/cloudevents+json; charset=utf-8',
      Buffer.from('{"a":1}'),
      { a: 1 },
    ],
    ['has null for no payload', undefined, null, null],
  ])('as an envelope %s', (...[, contentType, payload, data]) => {
    const delivery = aDelivery({ payload, contentType, callback: callback({ body: 'envelope' }) });
    expect(JSON.parse(textOf(delivery))).toMatchObject({ data });
  });

  test.each([
    ['with body none', callback({ body: 'none' }), exact],
    ['with GET', callback({ method: 'GET' }), exact],
    ['without a payload', callback(), null],
  ])('is missing %s, and so is the content-type', (_, spec, payload) => {
    const { body, headers } = callbackRequest(aDelivery({ payload, callback: spec }));
    expect(body).toBeNull();
    expect(headers).not.toHaveProperty('content-type');
  });
});

describe('a stored callback', () => {
  test('has defaults', () => {
    expect(callbackOf({ callback: { url: 'https://a.test/' } })).toEqual({
      url: 'https://a.test/',
      method: 'POST',
      headers: {},
      body: 'payload',
      connectTimeoutMs: 3_000,
      scheduledMs: null,
    });
  });

  test('that cannot be read counts as missing', () => {
    for (const stored of [undefined, null, 7, 'x', {}, { url: 1 }])
      expect(callbackOf({ callback: stored })).toBeNull();
  });
});
