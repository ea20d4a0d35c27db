import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const INVISIBLE = [
  'or\u200bders',
  'orders\u200d',
  'o\ufeffrders',
  'or\u00adders',
  'or\u2060ders',
  'or\u200eders',
  'orders\u3164',
  'or\u115fders',
  'orders\ufe0f',
  'or\u{e0061}ders',
  'or\u034fders',
  'or\u180eders',
];
const DECOMPOSED = [
  'gro\u0308ße',
  'cafe\u0301',
  '\u1112\u1161\u11ab',
  '\u212bngstrom',
  'a\u0323\u0307'.normalize('NFD'),
];

describe.for(brokerKinds.filter(({ available }) => available))('on $name', (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp({ kind });
  });
  afterAll(() => app.close());
  const submit = (body: object) => app.call('POST', '/v1/tasks', { body: { type: 't', ...body } });

  describe.each(['queue', 'type'])('a submitted %s', (field) => {
    test.each([
      ...INVISIBLE.map((name) => [name, 'invisible'] as const),
      ...DECOMPOSED.map((name) => [name, 'NFC'] as const),
    ])('%j is refused: %s', async (name, words) => {
      const { status, json } = await submit({ [field]: name });
      expect(status).toBe(422);
      expect(json.errors).toMatchObject([{ pointer: `/${field}`, code: 'invalid_value' }]);
      expect(json.errors[0].message).toContain(words);
      const batch = await app.call('POST', '/v1/batches', {
        body: { tasks: [{ type: 't', [field]: name }, { type: 't' }] },
      });
      expect(batch.json.items.map((item: { status: number }) => item.status)).toEqual([422, 201]);
      const defaults = { type: 't', [field]: name };
      expect((await app.call('POST', '/v1/batches', { body: { defaults, tasks: [{}] } })).status).toBe(422);
    });

    test.each(['größe', '订单', 'Order mail', '\u1112\u1161\u11ab'.normalize('NFC'), '👍🏽'])(
      '%j is taken',
      async (name) => {
        expect((await submit({ [field]: name })).status).toBe(201);
      },
    );
  });

  test('a queue of Go with such a name can be looked at, paused and searched', async () => {
    const queue = 'go\u200bo\u0308';
    await app.store({ queue, id: 'of-go' });
    const path = `/v1/queues/${encodeURIComponent(queue)}`;
    expect((await app.call('GET', path)).json).toMatchObject({ name: queue, counts: { pending: 1 } });
    expect((await app.call('POST', `${path}/pause`, { body: {} })).status).toBe(200);
    const query = new URLSearchParams({ queue, state: 'pending' });
    expect((await app.call('GET', `/v1/tasks?${query}`)).json.data).toMatchObject([{ id: 'of-go' }]);
    expect((await app.call('GET', `/v1/tasks/of-go?${new URLSearchParams({ queue })}`)).status).toBe(200);
  });

  describe('a header of a callback', () => {
    const withHeaders = (headers: Record<string, string>) =>
      submit({ callback: { url: 'https://a.test/', headers } });

    test.each([
      'Task_Center_Business_Id',
      'Webhook_Id',
      'X_Forwarded_For',
      'x-forwarded_host',
      'TRANSFER_ENCODING',
      'Content_Length',
      'Keep_Alive',
      'Proxy_Authorization',
      'webhook.id',
      'Task!Center!Task!Id',
    ])('%s, which a receiver may read as one of ours, is refused', async (name) => {
      const { status, json } = await withHeaders({ [name]: 'x' });
      expect(status).toBe(422);
      expect(json.errors).toMatchObject([{ pointer: `/callback/headers/${name}`, code: 'invalid_value' }]);
    });

    test.each([
      ['X-Note', 'x_note'],
      ['X-Note', 'X-NOTE'],
      ['User_Agent', 'user-agent'],
      ['authorization', 'Authorization'],
    ])('cannot be given as %s and as %s', async (first, second) => {
      const { status, json } = await withHeaders({ [first]: 'a', [second]: 'b' });
      expect(status).toBe(422);
      expect(json.errors).toMatchObject([{ pointer: `/callback/headers/${second}` }]);
      expect(json.errors[0].message).toContain('twice');
    });
  });
});
