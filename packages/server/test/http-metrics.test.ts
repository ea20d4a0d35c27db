import { afterEach, describe, expect, test } from 'vitest';
import { brokerKinds, sqliteKind } from '../../engine/test/support/brokers.ts';
import { createLocalKey } from '../src/auth/local-key.ts';
import { testApp, testConfig, type TestApp } from './support/test-app.ts';

/** A task of a queue, to be delivered to nobody. */
const task = {
  queue: 'orders',
  type: 'x',
  payload: 1,
  callback: { url: 'http://127.0.0.1:9/' },
  delay: '1h',
};

/** As mode `try` is not: a key is needed. */
const service = (more: Record<string, string> = {}) =>
  testConfig({ 'http.port': '0', 'callbacks.concurrency': '7', 'http.host': '0.0.0.0', ...more });

describe('/metrics', () => {
  let app: TestApp | undefined;

  afterEach(() => app?.close());

  test.each(brokerKinds.filter(({ available }) => available))(
    'has the figures of the broker and of the process on $name, each scope alone, and Asynq’s names on request',
    async (kind) => {
      app = await testApp({ kind });
      await app.call('POST', '/v1/tasks', { body: task });
      await app.call('GET', '/v1/tasks/none');
      const answer = await app.call('GET', '/metrics');
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const lines = answer.text.split('\n');
      expect(lines).toContain('taskcenter_queue_tasks{queue="orders~cb",state="scheduled"} 1');
      expect(lines).toContain('taskcenter_queue_enqueued_total{queue="orders~cb"} 1');
      expect(lines).toContain('taskcenter_broker_up 1');
      expect(lines).toContain('taskcenter_http_requests_in_flight 1');
      expect(answer.text).toContain(
        'taskcenter_http_request_seconds_count{route="/v1/tasks/{id}",method="GET",status="404"} 1',
      );
      expect(answer.text).not.toContain('asynq_');
      const broker = (await app.call('GET', '/metrics?scope=broker&compat=asynq')).text;
      expect(broker).toContain('asynq_queue_size{queue="orders~cb"} 1');
      expect(broker).not.toContain('taskcenter_broker_up');
      const ofProcess = (await app.call('GET', '/metrics?scope=process')).text;
      expect(ofProcess).toContain('taskcenter_broker_up 1');
      expect(ofProcess).not.toContain('taskcenter_queue_');
    },
  );

  test('refuses other scopes and names', async () => {
    app = await testApp();
    for (const query of ['scope=queues', 'compat=go', 'verbose'])
      expect((await app.call('GET', `/metrics?${query}`)).json.code).toBe('validation-failed');
  });

  test('needs a viewer’s key that is bound to nothing, unless it is open', async () => {
    app = await testApp({ config: service() });
    const viewer = (await createLocalKey(app.broker, { role: 'viewer', name: 'scrape' })).key;
    const bound = (await createLocalKey(app.broker, { role: 'admin', name: 'b', businesses: ['a'] })).key;
    expect((await app.call('GET', '/metrics', { key: null })).status).toBe(401);
    expect((await app.call('GET', '/metrics', { key: bound })).json.code).toBe('forbidden');
    expect((await app.call('GET', '/metrics', { key: viewer })).text).toContain(
      'taskcenter_auth_failures_total{reason="no_key"} 1',
    );
    await app.close();
    app = await testApp({ config: service({ 'metrics.open': 'true' }) });
    expect((await app.call('GET', '/metrics', { key: null })).status).toBe(200);
    expect((await app.call('GET', '/v1/queues', { key: null })).status).toBe(401);
  });

  test('is open in mode try to those who name this machine', async () => {
    app = await testApp();
    const ask = (host: string) => app!.call('GET', '/metrics', { key: null, headers: { host } });
    expect((await ask('127.0.0.1:7420')).status).toBe(200);
    expect((await ask('evil.example')).status).toBe(401);
  });

  test('says that the broker is down, and refuses only where its figures alone are wanted', async () => {
    app = await testApp({ config: service({ 'metrics.open': 'true' }), kind: sqliteKind });
    await app.broker.close();
    const all = await app.call('GET', '/metrics', { key: null });
    expect(all.status).toBe(200);
    expect(all.text).toContain('taskcenter_broker_up 0');
    expect((await app.call('GET', '/metrics?scope=broker', { key: null })).status).toBe(503);
  });
});
