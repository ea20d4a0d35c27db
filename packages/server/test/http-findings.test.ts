import { TaskCenterError, type BrokerFinding, type Broker } from '@task-center/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from './support/test-app.ts';

const EVICTION: BrokerFinding = {
  code: 'eviction',
  severity: 'error',
  detail: 'the server removes tasks',
  fix: 'Set maxmemory-policy noeviction.',
  sinceMs: 1_767_225_600_000,
};

let app: TestApp;
let findings: readonly BrokerFinding[] = [];

/** A broker that refuses submissions while there is an error, as every broker does. */
const withFindings = (broker: Broker): Broker => ({
  ...broker,
  findings: { ...broker.findings, current: () => findings, facts: () => broker.findings.facts() },
  submit: {
    enqueue: (tasks, options) =>
      findings.some(({ severity }) => severity === 'error')
        ? Promise.reject(new TaskCenterError('broker-unsafe', { broker: 'redis://secret-host', findings }))
        : broker.submit.enqueue(tasks, options),
  },
});

beforeAll(async () => {
  app = await testApp({ wrap: withFindings });
});
afterAll(() => app.close());

const submit = () => app.call('POST', '/v1/tasks', { body: { type: 't' } });

describe('a finding about the broker', () => {
  test('that voids its promises makes the service not ready, and refuses submissions without its address', async () => {
    findings = [EVICTION];
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 503, json: { status: 'unsafe' } });
    expect((await app.call('GET', '/healthz')).status).toBe(200);
    const { status, json, headers, text } = await submit();
    expect([status, json.code, json.findings, json.outcome]).toEqual([
      503,
      'broker-unsafe',
      ['eviction'],
      'not_stored',
    ]);
    expect(headers.get('retry-after')).toBe('2');
    expect(text).not.toContain('secret-host');
    const batch = await app.call('POST', '/v1/batches', { body: { tasks: [{ type: 't' }] } });
    expect(batch.text).toContain('broker-unsafe');
    expect((await app.call('GET', '/v1/queues')).status).toBe(200);
  });

  test('that is a warning is only shown', async () => {
    findings = [{ ...EVICTION, severity: 'warning' }];
    expect((await app.call('GET', '/readyz')).status).toBe(200);
    expect((await submit()).status).toBe(201);
    expect((await app.call('GET', '/v1/broker')).json).toEqual({
      kind: 'sqlite',
      version: null,
      role: null,
      memory: null,
      persistence: null,
      findings: [
        {
          code: 'eviction',
          severity: 'warning',
          detail: EVICTION.detail,
          fix: EVICTION.fix,
          since: '2026-01-01T00:00:00.000Z',
        },
      ],
    });
  });

  test('is shown to viewers, but not to keys that are bound to businesses', async () => {
    const viewer = await app.createKey({ role: 'viewer' });
    expect((await app.call('GET', '/v1/broker', { key: viewer })).status).toBe(200);
    const bound = await app.createKey({ role: 'admin', businesses: ['a'] });
    expect((await app.call('GET', '/v1/broker', { key: bound })).json.code).toBe('forbidden');
    expect((await app.call('GET', '/v1/broker', { key: null })).status).toBe(401);
  });
});
