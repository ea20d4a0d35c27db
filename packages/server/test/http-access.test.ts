import { ROLES, routeList, type Role, type RouteRole } from '@task-center/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from './support/test-app.ts';

let app: TestApp;
const keys = {} as Record<Role, string>;

beforeAll(async () => {
  app = await testApp();
  for (const role of ROLES) keys[role] = await app.createKey({ role });
});
afterAll(() => app.close());

const pathOf = (path: string) => path.replace('{id}', 'none').replace('{name}', 'default');
const allows = (role: Role, needed: RouteRole) =>
  needed === '-' || ROLES.indexOf(role) >= ROLES.indexOf(needed);

describe.each(routeList.map((route) => ({ ...route, at: `${route.method} ${route.path}` })))(
  '$at',
  (route) => {
    // A name of another machine: under one of this machine some calls need no key.
    const headers = { host: 'tasks.example' };
    const call = (key: string | null) => app.call(route.method, pathOf(route.path), { key, headers });

    test('needs a key unless anyone may call it', async () => {
      const answer = await call(null);
      const { status } = answer;
      if (route.role === '-') expect(status).toBe(200);
      else {
        expect(status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      }
    });

    test.each(ROLES)('a key with the role %s gets in exactly if the table says so', async (role) => {
      const { status, json } = await call(keys[role]);
      if (allows(role, route.role)) expect([401, 403]).not.toContain(status);
      else {
        expect(status).toBe(403);
        expect(json).toMatchObject({ code: 'forbidden', needed: { role: route.role } });
      }
    });
  },
);

describe('an invalid key', () => {
  const mistyped = (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');

  test('gets the same answer, whatever is wrong with it', async () => {
    const other = await app.createKey();
    const [, , id] = keys.admin.split('_');
    const [, , , secret] = other.split('_');
    const bad = [
      null,
      '',
      'nonsense',
      mistyped(keys.admin),
      `tc_live_${id}_${secret}`,
      'tc_live_7k2m9q4x8d1w_JAanpjzMehrxcMTxd5w2acQ8bcDyyCiBSPploaLC5Bk1slMDg',
    ];
    const answers = await Promise.all(bad.map((key) => app.call('GET', '/v1/me', { key })));
    const seen = answers.map(({ status, json }) => JSON.stringify({ status, ...json, request_id: '' }));
    expect(new Set(seen).size).toBe(1);
    expect(answers[0]?.status).toBe(401);
  });

  test('is also one that was revoked or has expired', async () => {
    for (const change of [
      { revoked_at: '2026-01-01T00:00:00.000Z' },
      { expires_at: '2026-01-01T00:00:00.000Z' },
    ]) {
      const key = await app.createKey();
      const id = key.split('_')[2] ?? '';
      const stored = await app.broker.documents.get('api-key', id);
      await app.broker.documents.put('api-key', id, { ...(stored?.value as object), ...change });
      expect((await app.call('GET', '/v1/me', { key })).status).toBe(401);
    }
  });

  test('is any key that is not in a single bearer header', async () => {
    for (const authorization of [
      `Basic ${keys.admin}`,
      `Bearer ${keys.admin} x`,
      `Bearer ${keys.admin}, Bearer x`,
    ])
      expect((await app.call('GET', '/v1/me', { headers: { authorization } })).status).toBe(401);
    expect((await app.call('GET', `/v1/me?key=${keys.admin}`, { key: null })).status).toBe(401);
  });
});

test('GET /v1/me describes the caller', async () => {
  const key = await app.createKey({
    role: 'submitter',
    name: 'shop',
    queues: ['shop-*'],
    businesses: ['shop-a'],
  });
  expect((await app.call('GET', '/v1/me', { key })).json).toEqual({
    key_id: key.split('_')[2],
    name: 'shop',
    role: 'submitter',
    queues: ['shop-*'],
    businesses: ['shop-a'],
  });
});

describe('a key bound to queues', () => {
  test('reads and submits only to those that its globs match', async () => {
    const key = await app.createKey({ queues: ['shop-*', 'default'] });
    const submit = (queue: string) => app.call('POST', '/v1/tasks', { key, body: { type: 't', queue } });
    expect((await submit('shop-mail')).status).toBe(201);
    expect((await submit('default')).status).toBe(201);
    expect((await submit('low')).json).toMatchObject({
      status: 403,
      code: 'forbidden',
      needed: { queue: 'low' },
    });
    const { json } = await app.call('GET', '/v1/queues', { key });
    expect(json.data.map(({ name }: { name: string }) => name)).toEqual(['default', 'shop-mail']);
    expect((await app.call('GET', '/v1/queues/low', { key })).status).toBe(403);
    expect((await app.call('POST', '/v1/queues/low/pause', { key })).status).toBe(403);
    expect((await app.call('GET', '/v1/tasks?queue=low&state=pending', { key })).status).toBe(403);
  });

  test('does not find a task in other queues', async () => {
    const key = await app.createKey({ queues: ['shop-*'] });
    await app.call('POST', '/v1/tasks', { body: { id: 'hidden', type: 't', queue: 'low' } });
    expect((await app.call('GET', '/v1/tasks/hidden', { key })).status).toBe(404);
    expect((await app.call('GET', '/v1/tasks/hidden?queue=low', { key })).status).toBe(404);
    expect((await app.call('DELETE', '/v1/tasks/hidden', { key })).status).toBe(404);
    expect((await app.call('GET', '/v1/tasks/hidden')).status).toBe(200);
  });
});

describe('a key bound to businesses', () => {
  const fields = { type: 't', queue: 'shared', id: 'same' };

  test('submits for its only business without naming it, and IDs of businesses never conflict', async () => {
    const [a, b] = [
      await app.createKey({ businesses: ['shop-a'] }),
      await app.createKey({ businesses: ['shop-b'] }),
    ];
    const first = await app.call('POST', '/v1/tasks', { key: a, body: fields });
    expect(first.json).toMatchObject({ id: 'same', business_id: 'shop-a' });
    expect(first.headers.get('location')).toBe('/v1/tasks/same?queue=shared');
    expect((await app.call('POST', '/v1/tasks', { key: b, body: fields })).status).toBe(201);
    expect((await app.call('POST', '/v1/tasks', { body: fields })).status).toBe(201);
    expect((await app.call('POST', '/v1/tasks', { key: a, body: fields })).json).toMatchObject({
      code: 'task-exists',
      id: 'same',
      queue: 'shared',
    });
    expect((await app.call('GET', '/v1/tasks/same', { key: a })).json.business_id).toBe('shop-a');
    const { json } = await app.call('GET', '/v1/tasks/same');
    expect(json.code).toBe('task-id-ambiguous');
    const owners = json.hits.map((hit: { business_id: string | null }) => hit.business_id);
    expect(new Set(owners)).toEqual(new Set(['shop-a', 'shop-b', null]));
  });

  test('sees neither tasks of other businesses nor tasks without one', async () => {
    const key = await app.createKey({ businesses: ['shop-a', 'shop-c'] });
    for (const [id, business_id] of [
      ['of-a', 'shop-a'],
      ['of-b', 'shop-b'],
      ['of-none', undefined],
    ] as const)
      await app.call('POST', '/v1/tasks', { body: { id, type: 't', queue: 'mixed', business_id } });
    const list = (await app.call('GET', '/v1/tasks?queue=mixed&state=pending', { key })).json;
    expect(list.data.map(({ id }: { id: string }) => id)).toEqual(['of-a']);
    expect(list.total).toBeNull();
    expect((await app.call('GET', '/v1/tasks/of-b', { key })).status).toBe(404);
    expect((await app.call('GET', '/v1/tasks/of-b?business_id=shop-b', { key })).status).toBe(404);
    expect((await app.call('POST', '/v1/tasks/of-none/cancel', { key })).status).toBe(404);
    expect((await app.call('DELETE', '/v1/tasks/of-b', { key })).status).toBe(404);
    expect((await app.call('GET', '/v1/tasks/of-b')).json.state).toBe('pending');
  });

  test('cannot submit for other businesses, and must name one of several', async () => {
    const key = await app.createKey({ businesses: ['shop-a', 'shop-c'] });
    const foreign = await app.call('POST', '/v1/tasks', { key, body: { type: 't', business_id: 'shop-b' } });
    expect(foreign.json).toMatchObject({ status: 403, code: 'business-forbidden' });
    const unsaid = await app.call('POST', '/v1/tasks', { key, body: { type: 't' } });
    expect(unsaid.json.errors).toMatchObject([{ pointer: '/business_id', code: 'required' }]);
  });

  test('sees no counts of whole queues and cannot pause them', async () => {
    const key = await app.createKey({ businesses: ['shop-a'] });
    const { json } = await app.call('GET', '/v1/queues/default', { key });
    expect(json).toMatchObject({
      counts: null,
      oldest_aggregating_ms: null,
      oldest_pending_ms: null,
      memory_bytes: null,
      by_kind: { handler: { counts: null }, callback: { counts: null } },
    });
    expect((await app.call('POST', '/v1/queues/default/pause', { key })).status).toBe(403);
  });
});
