import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, silentLog, type AllowableFinding } from '@task-center/engine';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hasRedis, startRedis, type RedisServer } from '../../engine/test/support/redis-server.ts';
import { rawRedis, type RawRedis } from '../../engine/test/support/raw-redis.ts';
import { tempFolder } from '../../engine/test/support/temp.ts';
import { createLocalKey } from '../src/auth/local-key.ts';
import { serve, type RunningService } from '../src/serve.ts';
import { testApp, testConfig } from './support/test-app.ts';

interface Health {
  readonly status: string;
  readonly checks?: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly detail: string | null;
  }[];
}

async function start(flags: Readonly<Record<string, unknown>>): Promise<RunningService> {
  const folder = await tempFolder();
  const config = testConfig({ 'http.port': '0', data_dir: folder.file('data'), ...flags });
  const service = await serve(config, { log: silentLog });
  onTestFinished(async () => {
    // Some tests end while the broker is away.
    await service.stop().catch(() => {});
    await folder.remove();
  });
  return service;
}

async function ask(url: string, path = '/readyz', key?: string): Promise<readonly [number, Health]> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch(url + path, { headers });
  return [response.status, (await response.json()) as Health];
}

const agent = new Agent({ keepAlive: true, maxSockets: 20 });

/** The status alone, without the checks of `fetch` in these tests, which take longer than the answer. */
const statusOf = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
  });

const answers = (url: string, ...expected: readonly [number, string]) =>
  expect
    .poll(async () => ask(url), { timeout: 20_000, interval: 100 })
    .toEqual([expected[0], { status: expected[1] }]);

async function redis(): Promise<{ readonly server: RedisServer; readonly raw: RawRedis }> {
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const raw = await rawRedis(server.port);
  onTestFinished(() => raw.close());
  return { server, raw };
}

/** What an instance with the API alone may run meanwhile. */
const MAX_OTHER_SCRIPTS = 6;

describe.skipIf(!hasRedis())('readiness on Redis', () => {
  test('follows a server that is full, read-only, stopped and ended; the process stays alive', async () => {
    const { server, raw } = await redis();
    const { url } = await start({ broker: server.url, roles: 'api' });
    await answers(url, 200, 'ok');
    await raw.call('CONFIG', 'SET', 'maxmemory', '1');
    await answers(url, 503, 'full');
    await raw.call('CONFIG', 'SET', 'maxmemory', '0');
    await answers(url, 200, 'ok');
    await raw.call('REPLICAOF', '127.0.0.1', '1');
    await answers(url, 503, 'unsafe');
    await raw.call('REPLICAOF', 'NO', 'ONE');
    await answers(url, 200, 'ok');
    server.pause();
    await answers(url, 503, 'unavailable');
    server.resume();
    await answers(url, 200, 'ok');
    await server.end();
    await answers(url, 503, 'unavailable');
    expect(await ask(url, '/healthz')).toEqual([200, { status: 'ok' }]);
    expect(await ask(url, '/startupz')).toEqual([200, { status: 'ok' }]);
    await server.restart();
    await answers(url, 200, 'ok');
  });

  test('costs the server one call a second at most, however many ask', async () => {
    const { server, raw } = await redis();
    const { url } = await start({ broker: server.url, roles: 'api' });
    await answers(url, 200, 'ok');
    await raw.call('CONFIG', 'RESETSTAT');
    const startedMs = performance.now();
    for (let round = 0; round < 20; round += 1) {
      const all = await Promise.all(Array.from({ length: 50 }, () => statusOf(`${url}/readyz`)));
      expect(new Set(all)).toEqual(new Set([200]));
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const stats = String(await raw.call('INFO', 'commandstats'));
    const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    expect(scripts).toBeGreaterThan(0);
    // Beside them, an instance may take the claim of the figures that are renewed once a minute, and write these.
    expect(scripts).toBeLessThanOrEqual(Math.ceil(seconds) + 1 + MAX_OTHER_SCRIPTS);
  });

  test('needs no writes of a replica that the operator accepts', async () => {
    const { server, raw } = await redis();
    await raw.call('REPLICAOF', '127.0.0.1', '1');
    const allowed: AllowableFinding = 'replica';
    const config = { broker: server.url, broker_allow: allowed, roles: 'worker', 'health.port': '0' };
    await answers((await start(config)).healthUrl, 200, 'ok');
  });
});

describe('?verbose', () => {
  test('shows each check to operators, and the plain answer to those without a key', async () => {
    const app = await testApp();
    onTestFinished(() => app.close());
    app.loops.add({ name: 'tester', maxStepMs: 1_000, stepMs: () => 2_000 });
    const operator = await app.createKey({ role: 'operator' });
    const { status, json } = await app.call('GET', '/readyz?verbose', { key: operator });
    expect([status, json.status]).toEqual([503, 'stuck']);
    expect(json.checks).toEqual([
      { name: 'broker', ok: true, detail: null },
      { name: 'findings', ok: true, detail: null },
      { name: 'event loop', ok: true, detail: null },
      { name: 'loop tester', ok: false, detail: 'its step has not ended for 2.0 s' },
    ]);
    const seen = async (path: string, key: string | null) => (await app.call('GET', path, { key })).json;
    expect(await seen('/readyz?verbose=false', operator)).toEqual({ status: 'stuck' });
    expect(await seen('/readyz?verbose=true', null)).toEqual({ status: 'stuck' });
    expect(await seen('/healthz?verbose', operator)).toEqual({
      status: 'ok',
      checks: [{ name: 'event loop', ok: true, detail: null }],
    });
    expect(await seen('/startupz?verbose', operator)).toEqual({ status: 'ok', checks: [] });
  });

  test('is refused to other keys', async () => {
    const app = await testApp();
    onTestFinished(() => app.close());
    const codeFor = async (key: string) => (await app.call('GET', '/readyz?verbose', { key })).json.code;
    expect(await codeFor(await app.createKey({ role: 'submitter' }))).toBe('forbidden');
    expect(await codeFor(await app.createKey({ role: 'admin', businesses: ['a'] }))).toBe('forbidden');
    expect(await codeFor('tc_wrong')).toBe('unauthenticated');
    // Without `verbose` a key is not even looked at.
    expect((await app.call('GET', '/readyz', { key: 'tc_wrong' })).status).toBe(200);
  });
});

describe('the listener of health.port', () => {
  test('serves health and nothing else, for a process without the role api', async () => {
    const folder = await tempFolder();
    onTestFinished(() => folder.remove());
    const broker = `sqlite:${folder.file('tasks.db')}`;
    const keys = await connect(broker);
    const { key } = await createLocalKey(keys, { role: 'operator' });
    await keys.close();
    const service = await start({ broker, roles: 'worker,scheduler', 'health.port': '0' });
    expect(service.url).toBe('');
    const [status, health] = await ask(service.healthUrl, '/readyz?verbose', key);
    expect([status, health.status]).toEqual([200, 'ok']);
    expect(health.checks?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(
        ['forwarder', 'recoverer', 'janitor', 'surveyor', 'firer', 'firer-looks', 'fetch'].map(
          (name) => `loop ${name}`,
        ),
      ),
    );
    for (const path of ['/healthz', '/startupz']) expect((await ask(service.healthUrl, path))[0]).toBe(200);
    for (const path of ['/', '/v1/queues', '/v1/broker', '/openapi.json', '/version'])
      expect(await statusOf(service.healthUrl + path)).toBe(404);
  });

  test('is there beside the API, and answers until a drain has ended', async () => {
    const receiver = createServer();
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void receiver.close());
    const service = await start({ 'health.port': '0', 'shutdown.timeout': '10s' });
    await answers(service.healthUrl, 200, 'ok');
    await answers(service.url, 200, 'ok');
    const { port } = receiver.address() as AddressInfo;
    const requested = once(receiver, 'request');
    const { key } = service.firstKey ?? {};
    await fetch(`${service.url}/v1/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ callback: { url: `http://127.0.0.1:${port}/` } }),
    });
    const [, response] = (await requested) as [unknown, { end(): void }];
    const stopped = service.stop();
    expect(await ask(service.healthUrl)).toEqual([503, { status: 'stopping' }]);
    expect(await ask(service.healthUrl, '/healthz')).toEqual([200, { status: 'ok' }]);
    await expect.poll(() => fetch(service.url).catch(() => null)).toBe(null);
    expect(await ask(service.healthUrl)).toEqual([503, { status: 'stopping' }]);
    response.end();
    await stopped;
    await expect(fetch(service.healthUrl)).rejects.toThrow();
  });

  test('on a port that is in use names its own setting', async () => {
    const used = createServer();
    await new Promise<void>((resolve) => used.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void used.close());
    const { port } = used.address() as AddressInfo;
    await expect(start({ 'health.port': String(port) })).rejects.toThrow(/set health\.port/);
  });
});
