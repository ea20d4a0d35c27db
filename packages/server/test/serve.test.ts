import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect as connectSocket, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, Events, silentLog } from '@task-center/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve, type RunningService } from '../src/serve.ts';
import { testConfig } from './support/test-app.ts';

let folder: string;
const running: RunningService[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'task-center-serve-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await rm(folder, { recursive: true, force: true });
});

async function start(
  flags: Readonly<Record<string, unknown>> = {},
  events = new Events(),
  log = silentLog,
): Promise<RunningService> {
  const config = testConfig({ 'http.port': '0', data_dir: join(folder, 'data'), ...flags });
  const service = await serve(config, { log, runtime: { events } });
  running.push(service);
  return service;
}

test('a broker that cannot recover without a restart is reported', async () => {
  const events = new Events();
  const causes: string[] = [];
  const config = testConfig({ 'http.port': '0', data_dir: join(folder, 'data') });
  const deps = { log: silentLog, runtime: { events }, onBroken: (cause: string) => void causes.push(cause) };
  running.push(await serve(config, deps));
  events.emit('broker.broken', { broker: 'sqlite:/x', cause: 'disk I/O error' });
  expect(causes).toEqual(['disk I/O error']);
});

const bearer = ({ firstKey }: RunningService) => ({ authorization: `Bearer ${firstKey?.key}` });

/** @param at method and path: `GET /v1/queues`. */
function call(service: RunningService, at: string, body?: string): Promise<Response> {
  const [method = '', path = ''] = at.split(' ');
  return fetch(service.url + path, {
    method,
    headers: { ...bearer(service), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body }),
  });
}

/** Sends bytes and resolves with everything that is received until the server closes the connection. */
function raw(url: string, chunks: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connectSocket(Number(port), hostname, () => {
      for (const chunk of chunks) socket.write(chunk);
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
}

/** Starts a receiver that records the bodies it is sent. */
async function startReceiver() {
  const bodies: string[] = [];
  let arrived: () => void = () => {};
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      response.end('{"seen":1234567890123456789}');
      arrived();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    bodies,
    next: () => new Promise<void>((resolve) => (arrived = resolve)),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

describe('a service', () => {
  test('delivers a callback byte for byte and keeps its result', async () => {
    const target = await startReceiver();
    try {
      const service = await start();
      const delivered = target.next();
      const payload = '{"order":1234567890123456789}';
      const body = `{"id":"hello","callback":{"url":"${target.url}"},"payload":${payload}}`;
      expect((await call(service, 'POST /v1/tasks', body)).status).toBe(201);
      await delivered;
      expect(target.bodies).toEqual([payload]);
      await expect
        .poll(async () => (await call(service, 'GET /v1/tasks/hello')).text())
        .toContain('"state":"completed"');
      const text = await (await call(service, 'GET /v1/tasks/hello?include=attempts')).text();
      expect(text).toContain('"result":{"seen":1234567890123456789}');
      expect((JSON.parse(text) as { attempts: unknown[] }).attempts).toHaveLength(1);
    } finally {
      await target.close();
    }
  });

  test('a forwarded request ends mode try, and callbacks that were waiting use up no attempt', async () => {
    const target = await startReceiver();
    try {
      const service = await start();
      const submitted = `{"id":"waits","delay":"1s","retry":{"max_retries":0},"callback":{"url":"${target.url}"}}`;
      expect((await call(service, 'POST /v1/tasks', submitted)).status).toBe(201);
      const unknown = `${service.url}/nowhere`;
      expect((await fetch(unknown, { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(404);
      const read = async () => (await call(service, 'GET /v1/tasks/waits')).json();
      await expect.poll(read, { timeout: 5_000 }).toMatchObject({
        state: 'scheduled',
        attempt: 0,
        waiting_for: expect.stringContaining('blocked_address'),
      });
      expect(target.bodies).toEqual([]);
    } finally {
      await target.close();
    }
  });

  test('leaves handler tasks alone', async () => {
    const service = await start();
    await call(service, 'POST /v1/tasks', '{"id":"foreign","type":"go:task"}');
    await call(service, 'POST /v1/tasks', '{"id":"soon","type":"go:task","delay":"1ms"}');
    const target = await startReceiver();
    const delivered = target.next();
    await call(service, 'POST /v1/tasks', `{"callback":{"url":"${target.url}"}}`);
    await delivered;
    await target.close();
    expect(await (await call(service, 'GET /v1/tasks/foreign')).json()).toMatchObject({
      state: 'pending',
      attempt: 0,
    });
    expect(await (await call(service, 'GET /v1/tasks/soon')).json()).toMatchObject({ state: 'scheduled' });
  });

  test('keeps its key and its tasks after a restart', async () => {
    const first = await start();
    await call(first, 'POST /v1/tasks', '{"id":"kept","type":"t","delay":"1h"}');
    await first.stop();
    const second = await start();
    expect(second.firstKey).toEqual({ path: first.firstKey?.path, created: false });
    const key = (await readFile(first.firstKey?.path ?? '', 'utf8')).trim();
    expect(key).toBe(first.firstKey?.key);
    const answer = await fetch(`${second.url}/v1/tasks/kept`, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
  });

  test('with only the role scheduler makes due callback tasks pending, without HTTP', async () => {
    const broker = `sqlite:${join(folder, 'shared.db')}`;
    const api = await start({ roles: 'api', broker });
    await call(
      api,
      'POST /v1/tasks',
      '{"id":"due","delay":"500ms","callback":{"url":"http://127.0.0.1:1/"}}',
    );
    await api.stop();
    const events = new Events();
    const moved = new Promise((resolve) => events.on('tasks.forwarded', resolve));
    const scheduler = await start({ roles: 'scheduler', broker }, events);
    expect(scheduler.url).toBe('');
    expect(await moved).toEqual({ queue: 'default~cb', moved: 1, lateMs: expect.any(Number) });
    await scheduler.stop();
    const reader = await connect(broker);
    const task = await reader.inspect.task({ queue: 'default~cb', id: 'due' });
    await reader.close();
    expect(task?.state).toBe('pending');
  });

  test('may be stopped twice, and its port is free afterwards', async () => {
    const service = await start();
    await Promise.all([service.stop(), service.stop()]);
    await expect(fetch(service.url)).rejects.toThrow();
    const again = await start({ 'http.port': new URL(service.url).port });
    expect(again.url).toBe(service.url);
  });

  test('lets a request in progress end while it stops', async () => {
    const service = await start();
    const { port } = new URL(service.url);
    const body = '{"id":"late","type":"t"}';
    let socket!: ReturnType<typeof connectSocket>;
    const answer = new Promise<string>((resolve) => {
      let text = '';
      socket = connectSocket(Number(port), '127.0.0.1', () => {
        socket.write(
          `POST /v1/tasks HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer(service).authorization}\r\n` +
            `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n{`,
        );
      });
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    // When another connection has been served, the headers of the first have been read.
    await fetch(`${service.url}/healthz`);
    const stopped = service.stop();
    socket.write(body.slice(1));
    expect(await answer).toMatch(/^HTTP\/1\.1 201/);
    await stopped;
  });
});

describe('on the wire', () => {
  const headers = (service: RunningService, more: string) =>
    `POST /v1/tasks HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer(service).authorization}\r\n` +
    `content-type: application/json\r\n${more}\r\n\r\n`;

  test('a body with a declared length over the limit is refused before it is sent', async () => {
    const service = await start();
    const text = await raw(service.url, [headers(service, 'content-length: 2000000')]);
    expect(text).toMatch(/^HTTP\/1\.1 413/);
    expect(text).toContain('"limit":1048576,"got":2000000');
  });

  test('a body without a length is refused at the limit', async () => {
    const service = await start();
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const text = await raw(service.url, [headers(service, 'transfer-encoding: chunked'), chunk.repeat(20)]);
    expect(text).toMatch(/^HTTP\/1\.1 413/);
    expect(text).toContain('"code":"too-large"');
  });

  test('invalid HTTP and headers over the limit are answered with a problem', async () => {
    const service = await start();
    const nonsense = await raw(service.url, ['nonsense\r\n\r\n']);
    expect(nonsense).toMatch(/^HTTP\/1\.1 400/);
    expect(nonsense).toContain('application/problem+json');
    const large = await raw(service.url, [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`]);
    expect(large).toMatch(/^HTTP\/1\.1 413/);
    expect(large).toContain('"limit":16384');
    const host = await raw(service.url, ['GET / HTTP/1.1\r\nhost: a b/\r\nconnection: close\r\n\r\n']);
    expect(host).toMatch(/^HTTP\/1\.1 400/);
    expect(host).toContain('application/problem+json');
  });

  test('a sender that closes the connection is not reported as an internal error', async () => {
    const logged: string[] = [];
    let ended: () => void = () => {};
    const answered = new Promise<void>((resolve) => (ended = resolve));
    const record = (fields: Readonly<Record<string, unknown>>, message: string) => {
      logged.push(`${String(fields['status'])} ${message}`);
      if (message === 'request') ended();
    };
    const service = await start({}, new Events(), { debug: record, info() {}, warn: record, error: record });
    const { hostname, port } = new URL(service.url);
    const socket = connectSocket(Number(port), hostname);
    socket.write(`${headers(service, 'content-length: 100\r\nexpect: 100-continue')}{"type"`);
    // "100 Continue" shows that the request is being read.
    socket.once('data', () => socket.destroy());
    await answered;
    expect(logged).toEqual(['400 request']);
  });

  test('a health check of HTTP/1.0 without a host is answered', async () => {
    const service = await start();
    expect(await raw(service.url, ['GET /healthz HTTP/1.0\r\n\r\n'])).toMatch(/^HTTP\/1\.1 200/);
  });

  test('queue names may have slashes and percent signs', async () => {
    const service = await start();
    const name = 'a/b 100%~';
    await call(service, 'POST /v1/tasks', JSON.stringify({ id: 'p', type: 't', queue: name }));
    const queue = await call(service, `GET /v1/queues/${encodeURIComponent(name)}`);
    expect(await queue.json()).toMatchObject({ name, counts: { pending: 1 } });
    const query = new URLSearchParams({ queue: name });
    expect((await call(service, `GET /v1/tasks/p?${query.toString()}`)).status).toBe(200);
  });
});

describe('a start that fails', () => {
  const failing = (flags: Readonly<Record<string, unknown>>) => start(flags).catch((error: Error) => error);

  test('because the port is in use says so and closes the broker', async () => {
    const service = await start();
    const { port } = new URL(service.url);
    const error = await failing({ 'http.port': port, data_dir: join(folder, 'other') });
    expect(error).toMatchObject({ name: 'ConfigError' });
    expect((error as Error).message).toContain(`port ${port} on 127.0.0.1 is in use`);
    const broker = await connect(`sqlite:${join(folder, 'other', 'tasks.db')}`);
    await broker.close();
  });

  test('because the data folder is below a plain file names the folder', async () => {
    await writeFile(join(folder, 'plain'), '');
    const error = await failing({ data_dir: join(folder, 'plain', 'data') });
    expect(error).toMatchObject({ name: 'ConfigError' });
    expect((error as Error).message).toContain(join(folder, 'plain', 'data'));
  });

  test('because another process uses the database says so', async () => {
    await start();
    expect(await failing({})).toMatchObject({ code: 'database-in-use' });
  });

  test('because Redis is down says so within five seconds', async () => {
    const startedMs = performance.now();
    const error = await failing({ broker: 'redis://:secret@127.0.0.1:1/0' });
    expect(error).toMatchObject({ code: 'broker-unavailable' });
    expect((error as Error).message).not.toContain('secret');
    expect(performance.now() - startedMs).toBeLessThan(6_000);
  });

  test('because this machine does not have the address says so', async () => {
    const error = await failing({ 'http.host': '203.0.113.7' });
    expect((error as Error).message).toContain('203.0.113.7');
  });
});
