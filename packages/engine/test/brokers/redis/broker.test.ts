import { spawn } from 'node:child_process';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { freePort, hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

/** How long `connectRedis` takes to reject, and with what. */
async function rejectionOf(url: string): Promise<{ ms: number; error: unknown }> {
  const start = performance.now();
  try {
    await (await connectRedis({ url })).close();
  } catch (error) {
    return { ms: performance.now() - start, error };
  }
  throw new Error('it was expected to be refused');
}

/** Starts a server that replies to HELLO with these facts. */
async function startFakeRedis(facts: Record<string, string>): Promise<{ url: string; server: Server }> {
  const flat = Object.entries(facts).flat();
  const reply = `%${flat.length / 2}\r\n${flat.map((text) => `$${text.length}\r\n${text}\r\n`).join('')}`;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(reply.repeat(String(data).split('HELLO').length - 1)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

// Concurrent, because calls that fail take seconds.
test.concurrent(
  'the error for a Redis that is down comes within 5 s and names it without its password',
  async () => {
    const port = await freePort();
    const { ms, error } = await rejectionOf(`redis://user:secret@127.0.0.1:${port}/2`);
    expect(error).toMatchObject({
      code: 'broker-unavailable',
      message: expect.stringContaining(
        `redis://user@127.0.0.1:${port}/2 did not answer: connect ECONNREFUSED`,
      ),
    });
    expect(JSON.stringify(error)).not.toContain('secret');
    expect(ms).toBeLessThan(5_000);
  },
);

test.concurrent('a server that accepts and never answers is given up within 5 s', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { ms, error } = await rejectionOf(`redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
  expect(error).toMatchObject({ code: 'broker-unavailable' });
  expect(ms).toBeLessThan(5_000);
  server.close();
});

test
  .runIf(hasRedis())
  .concurrent('a broker on Redis keeps no process alive after close', async ({ onTestFinished }) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const program = `
    const { connectRedis } = await import(process.argv[1]);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const broker = await connectRedis({ url: process.argv[2], runtime: { log } });
    broker.signals.waitForWork(['a'], new AbortController().signal);
    await broker.documents.put('k', 'id', 1);
    await broker.close();
    await connectRedis({ url: 'redis://127.0.0.1:1' }).catch((error) => console.log(error.code));`;
    const built = new URL('../../../dist/brokers/redis/redis-broker.js', import.meta.url).href;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, built, redis.url]);
    let output = '';
    child.stdout.on('data', (data) => (output += String(data)));
    child.stderr.on('data', (data) => (output += String(data)));
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    expect(output).toBe('broker-unavailable\n');
  });

test.each([
  [{ server: 'redis', version: '6.2.14', mode: 'standalone' }, /6\.2\.14/],
  [{ server: 'redis' }, /unknown/],
  [{ server: 'redis', version: '7.2.0', mode: 'cluster' }, /cluster mode/],
])('a server that cannot be used is refused with the reason: %o', async (facts, reason) => {
  const { url, server } = await startFakeRedis(facts);
  const { error } = await rejectionOf(url);
  expect(error).toMatchObject({ code: 'broker-refused', message: expect.stringMatching(reason) });
  server.close();
});

test('an invalid URL is refused before any connection is tried', async () => {
  const { error } = await rejectionOf('redis://:secret@/x');
  expect(error).toMatchObject({ code: 'invalid-value', message: expect.not.stringContaining('secret') });
});

describe.runIf(hasRedis())('a broker on Redis', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  beforeAll(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
  });
  afterAll(async () => {
    raw.close();
    await redis.stop();
  });

  test('marks a database once, with a version and the ID of the installation', async () => {
    await raw.call('FLUSHALL');
    await (await connectRedis({ url: redis.url })).close();
    const first = await raw.call('HGETALL', 'tc:meta');
    expect(first).toMatchObject({ schema: '1', installation: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    await (await connectRedis({ url: redis.url })).close();
    expect(await raw.call('HGETALL', 'tc:meta')).toEqual(first);
  });

  test.each([
    [-60_000, [{ skew_ms: -60_000 }]],
    [3_000, [{ skew_ms: 3_000 }]],
    [500, []],
  ])('warns if the clock is %d ms ahead of Redis and that matters', async (aheadMs, expected) => {
    const warnings: { skew_ms: number }[] = [];
    const log = {
      ...silentLog,
      warn: (fields: object) => void ('skew_ms' in fields && warnings.push(fields as { skew_ms: number })),
    };
    const clock = { ...systemClock, wallMs: () => Date.now() + aheadMs };
    await (await connectRedis({ url: redis.url, runtime: { clock, log } })).close();
    expect(warnings).toHaveLength(expected.length);
    expected.forEach(({ skew_ms: skewMs }, i) => {
      expect(Math.abs((warnings[i]?.skew_ms ?? 0) - skewMs)).toBeLessThan(500);
    });
  });

  test('uses the database of the URL', async () => {
    await (await connectRedis({ url: `${redis.url}/3` })).close();
    expect(await raw.call('INFO', 'keyspace')).toContain('db3:keys=1');
  });

  test('refuses data of a newer program, and a mark that is not one', async () => {
    await raw.call('HSET', 'tc:meta', 'schema', '2');
    expect((await rejectionOf(redis.url)).error).toMatchObject({
      code: 'schema-too-new',
      details: { found: 2, known: 1 },
    });
    await raw.call('HSET', 'tc:meta', 'schema', 'x');
    expect((await rejectionOf(redis.url)).error).toMatchObject({ code: 'broker-refused' });
    await raw.call('DEL', 'tc:meta');
    await raw.call('SET', 'tc:meta', 'x');
    expect((await rejectionOf(redis.url)).error).toMatchObject({ code: 'broker-refused' });
    await raw.call('FLUSHALL');
  });

  test('refuses a wrong password, a missing one and missing rights at once', async () => {
    const locked = await startRedis({ args: ['--requirepass', 'right'] });
    const wrong = await rejectionOf(locked.url.replace('//', '//:wrong@'));
    expect(wrong.error).toMatchObject({
      code: 'broker-refused',
      message: expect.stringContaining('WRONGPASS'),
    });
    expect(wrong.ms).toBeLessThan(1_500);
    expect((await rejectionOf(locked.url)).error).toMatchObject({
      code: 'broker-refused',
      message: expect.stringContaining('NOAUTH'),
    });
    const broker = await connectRedis({ url: locked.url.replace('//', '//:right@') });
    expect(broker.name).toBe(locked.url);
    await broker.ping();
    await broker.close();
    await locked.stop();

    await raw.call('ACL', 'SETUSER', 'weak', 'on', '>pw', '~*', '+hello', '+client', '+ping');
    const { error } = await rejectionOf(redis.url.replace('//', '//weak:pw@'));
    expect(error).toMatchObject({ code: 'broker-unsafe', message: expect.stringContaining('NOPERM') });
  });

  test('stores or removes a document once even if the reply is lost', async () => {
    const proxy = await startFaultProxy(redis.port);
    const broker = await connectRedis({ url: proxy.url });
    const { documents } = broker;
    const put = async (expected: number) => {
      const cut = proxy.cutReply();
      const version = documents.put('key', 'a', { n: expected }, expected);
      await cut;
      return version;
    };
    expect(await put(0)).toBe(1);
    expect(await put(1)).toBe(2);
    await expect(documents.put('key', 'a', {}, 1)).rejects.toMatchObject({ code: 'version-mismatch' });
    const cut = proxy.cutReply();
    const removed = documents.remove('key', 'a');
    await cut;
    expect(await removed).toBe(true);
    expect(await documents.remove('key', 'a')).toBe(false);
    expect(await documents.list('key')).toEqual([]);
    await broker.close();
    await proxy.close();
  });

  test('stores documents as JSON, with their version, under tc:doc:<kind>', async () => {
    const broker = await connectRedis({ url: redis.url });
    await broker.documents.put('policy', 'ü "x"', { text: 'line\n\u2028', list: [1, null] });
    const stored = (await raw.call('HGET', 'tc:doc:policy', 'ü "x"')) as string;
    expect(JSON.parse(stored)).toMatchObject({
      version: 1,
      value: { text: 'line\n\u2028', list: [1, null] },
    });
    await expect(broker.documents.put('policy', 'x', undefined)).rejects.toMatchObject({
      code: 'invalid-value',
    });
    await broker.close();
  });

  test('goes on after a restart of Redis, and still has what was stored', async () => {
    const server = await startRedis({ appendonly: true });
    const broker = await connectRedis({ url: server.url });
    await broker.documents.put('k', 'id', 'before');
    await server.restart();
    expect(await broker.documents.get('k', 'id')).toEqual({ id: 'id', version: 1, value: 'before' });
    await broker.close();
    await server.stop();
  });
});
