import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { RedisClient } from '../../../src/brokers/redis/client/redis-client.ts';
import type { LuaSource, Script } from '../../../src/brokers/redis/client/script.ts';
import { parseRedisUrl } from '../../../src/brokers/redis/client/url.ts';
import { systemClock, type Clock } from '../../../src/runtime/clock.ts';
import { createRuntime } from '../../../src/runtime/runtime.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { rawRedis } from '../../support/raw-redis.ts';
import { freePort, hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

const source = (text: string): LuaSource => ({ text, sha1: createHash('sha1').update(text).digest('hex') });

/** Infers the types of a script. */
const script = <Call, Reply>(value: Script<Call, Reply>): Script<Call, Reply> => value;

/** Counts calls, a repeated one only once: a receipt in small. */
const count = script({
  name: 'count',
  lua: source(`
    local n = redis.call('HGET', KEYS[2], ARGV[2])
    if n then return tonumber(n) end
    n = redis.call('INCR', KEYS[1])
    redis.call('HSET', KEYS[2], ARGV[2], n)
    return n`),
  keys: () => ['n', 'receipts'],
  args: ({ id }: { id: string }) => [id],
  reply: (raw) => raw as number,
});

/** Appends to a list: shows the order of calls. */
const append = script({
  name: 'append',
  lua: source(`return redis.call('RPUSH', KEYS[1], ARGV[2])`),
  keys: () => ['list'],
  args: (value: string) => [value],
  reply: (raw) => raw as number,
});

const fail = script({
  name: 'fail',
  lua: source(`return redis.error_reply(ARGV[2])`),
  keys: () => [],
  args: (text: string) => [text],
  reply: (raw) => raw,
});

const echo = script({
  name: 'echo',
  lua: source(`return {ARGV[1], ARGV[2], 7, false, {ok = 'fine'}}`),
  keys: () => [],
  args: (value: Buffer) => [value],
  reply: (raw) => raw,
});

interface OpenOptions {
  readonly nowMs?: () => number;
  readonly clock?: Clock;
  readonly random?: () => number;
}

const opened: RedisClient[] = [];
function open(url: string, { nowMs, clock = systemClock, random }: OpenOptions = {}): RedisClient {
  const client = new RedisClient({
    target: parseRedisUrl(url),
    runtime: createRuntime({ clock, ...(random && { random }) }),
    ...(nowMs && { nowMs }),
  });
  opened.push(client);
  return client;
}

const closeOpened = () => Promise.all(opened.splice(0).map((client) => client.close()));

/** How long a promise takes to reject, and with what. */
async function rejection(promise: Promise<unknown>): Promise<{ ms: number; error: unknown }> {
  const start = performance.now();
  try {
    await promise;
  } catch (error) {
    return { ms: performance.now() - start, error };
  }
  throw new Error('it was expected to reject');
}

const unavailable = (outcome: 'not_stored' | 'unknown') =>
  expect.objectContaining({ code: 'broker-unavailable', details: expect.objectContaining({ outcome }) });

describe.runIf(hasRedis())('a Redis client', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  afterEach(closeOpened);

  test('runs scripts: the time comes first, blobs come back as Buffers, integers as numbers', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    const reply = await open(redis.url).run(echo, bytes);
    expect(reply).toEqual([Buffer.from('0'), bytes, 7, null, 'fine']);
    const timed = await open(redis.url, { nowMs: () => 1_700_000_000_123 }).run(echo, bytes);
    expect((timed as unknown[])[0]).toEqual(Buffer.from('1700000000123'));
  });

  test('sends a script again when Redis has forgotten it', async () => {
    const client = open(redis.url);
    await client.run(echo, Buffer.from('a'));
    await client.command(['SCRIPT', 'FLUSH']);
    const reply = await client.run(echo, Buffer.from('b'));
    expect((reply as unknown[])[1]).toEqual(Buffer.from('b'));
  });

  test('keeps the order of calls', async () => {
    const client = open(redis.url);
    const values = Array.from({ length: 200 }, (_, i) => String(i));
    await Promise.all(values.map((value) => client.run(append, value)));
    const list = (await client.command(['LRANGE', 'list', '0', '-1'])) as Buffer[];
    expect(list.map(String)).toEqual(values);
  });

  test('passes on the error that a script replies, without a stack of the server', async () => {
    const { error } = await rejection(open(redis.url).run(fail, 'ERR this is wrong'));
    expect(error).toMatchObject({ code: 'broker-refused', details: { cause: 'ERR this is wrong' } });
    const { error: full } = await rejection(open(redis.url).run(fail, 'OOM no memory'));
    expect(full).toMatchObject({ code: 'broker-full' });
  });

  test('waits while Redis asks for it, and gives that as the cause when the time is over', async () => {
    // The longest backoffs: the calls go out after 0, 20, 60, 140, 300 and 620 ms, so none is under way when the time is over.
    const client = open(redis.url, { random: () => 1 });
    const { ms, error } = await rejection(client.run(fail, 'LOADING soon', { timeoutMs: 500 }));
    expect(error).toEqual(unavailable('not_stored'));
    expect(error).toMatchObject({ details: { cause: 'LOADING soon' } });
    expect(ms).toBeGreaterThan(400);
  });

  test('gives that as the cause also when another attempt is under way', async () => {
    const client = open(redis.url);
    const call = rejection(client.run(fail, 'LOADING soon', { timeoutMs: 500 }));
    await client.ping();
    const sleep = open(redis.url).command(['DEBUG', 'SLEEP', '1']);
    const { error } = await call;
    expect(error).toEqual(unavailable('unknown'));
    expect(error).toMatchObject({ details: { cause: 'LOADING soon' } });
    await sleep;
  });

  test('names itself, and uses one TCP connection', async () => {
    const client = open(redis.url);
    await Promise.all([client.ping(), client.ping()]);
    const clients = String(await client.command(['CLIENT', 'LIST']));
    expect(clients.match(/name=task-center/g)).toHaveLength(1);
  });

  test('reconnects after each CLIENT KILL and repeats the calls under way', async () => {
    const client = open(redis.url);
    const raw = await rawRedis(redis.port);
    await raw.call('DEL', 'n', 'receipts');
    const calls: Promise<number>[] = [];
    for (let i = 0; i < 300; i += 1) {
      calls.push(client.run(count, { id: `kill-${i}` }));
      if (i % 100 === 50) await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    }
    const numbers = await Promise.all(calls);
    expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
    raw.close();
  });

  test('repeats a call whose reply was lost, and gets the outcome of the first attempt', async () => {
    const proxy = await startFaultProxy(redis.port);
    const client = open(proxy.url);
    const first = await client.run(count, { id: 'lost-0' });
    const cut = proxy.cutReply();
    const lost = client.run(count, { id: 'lost-1' });
    await cut;
    expect(await lost).toBe(first + 1);
    expect(await client.run(count, { id: 'lost-2' })).toBe(first + 2);
    expect(proxy.connections).toBe(2);
    await client.close();
    await proxy.close();
  });

  test('replaces a connection that gets no replies while a call has time left', async () => {
    const proxy = await startFaultProxy(redis.port);
    const client = open(proxy.url);
    await client.ping();
    proxy.swallow(true);
    const call = client.run(count, { id: 'swallowed' });
    await expect.poll(() => proxy.connections, { timeout: 4_000 }).toBe(2);
    proxy.swallow(false);
    expect(await call).toBeGreaterThan(0);
    await client.close();
    await proxy.close();
  });

  test('refuses calls after close, and ends the calls under way', async () => {
    const client = open(redis.url);
    await client.ping();
    const underWay = client.command(['DEBUG', 'SLEEP', '0.2']);
    const ended = rejection(underWay);
    await client.close();
    expect((await ended).error).toMatchObject({ code: 'broker-closed' });
    expect((await rejection(client.ping())).error).toMatchObject({ code: 'broker-closed' });
    await client.close();
  });

  test('refuses a call at once when too many others wait', async () => {
    const client = open(`redis://127.0.0.1:${await freePort()}`);
    const calls = Array.from({ length: 10_001 }, () => rejection(client.ping()));
    // The other calls wait for the server.
    const first = await Promise.race(calls.map((call, i) => call.then(() => i)));
    expect(first).toBe(10_000);
    expect((await calls.at(-1))?.error).toEqual(unavailable('not_stored'));
    await client.close();
    expect((await calls[0])?.error).toMatchObject({ code: 'broker-closed' });
  });

  test('rejects with a TypeError for an argument that cannot be encoded', async () => {
    const { error } = await rejection(open(redis.url).command(['GET', undefined as unknown as string]));
    expect(error).toBeInstanceOf(TypeError);
  });
});

// Concurrent, because most of them wait for the end of calls.
describe.runIf(hasRedis())('when Redis is out of reach', { concurrent: true }, () => {
  afterAll(closeOpened);

  test('a call that never reached it ends within 5 s, and has certainly stored nothing', async () => {
    const client = open(`redis://127.0.0.1:${await freePort()}`);
    const { ms, error } = await rejection(client.run(count, { id: '1' }));
    expect(error).toEqual(unavailable('not_stored'));
    expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') });
    expect(ms).toBeLessThan(5_000);
  });

  test('by SIGSTOP, calls end within 5 s with an unknown outcome; later each call takes effect once', async () => {
    const redis = await startRedis();
    const client = open(redis.url);
    await client.run(count, { id: 'before' });
    redis.pause();
    const aborter = new AbortController();
    const patient = client.run(count, { id: 'patient' }, { signal: aborter.signal });
    const { ms, error } = await rejection(client.run(count, { id: 'hasty' }));
    expect(error).toEqual(unavailable('unknown'));
    expect(ms).toBeLessThan(5_000);
    const late = await rejection(client.run(count, { id: 'late' }));
    expect(late.error).toEqual(unavailable('not_stored'));
    expect(late.ms).toBeLessThan(5_000);
    const resumed = performance.now();
    redis.resume();
    await patient;
    await client.run(count, { id: 'after' });
    expect(performance.now() - resumed).toBeLessThan(3_000);
    // Redis also runs what was left in the sockets of old connections. Each call still counts once.
    expect(await client.run(count, { id: 'patient' })).toBe(await patient);
    const counted = Number(await client.command(['GET', 'n']));
    expect(counted).toBe(Number(await client.command(['HLEN', 'receipts'])));
    await redis.stop();
  });

  test('by SIGKILL, a call with a signal is repeated until Redis is back and it succeeds', async () => {
    const redis = await startRedis({ appendonly: true });
    const client = open(redis.url);
    await client.run(count, { id: '1' });
    await redis.kill();
    const aborter = new AbortController();
    const call = client.run(count, { id: '2' }, { signal: aborter.signal });
    const { error } = await rejection(client.run(count, { id: '3' }, { timeoutMs: 300 }));
    expect(error).toMatchObject({ code: 'broker-unavailable' });
    await redis.restart();
    expect(await call).toBe(2);
    await redis.stop();
  });

  test('a call with a signal ends soon after the abort', async () => {
    const client = open(`redis://127.0.0.1:${await freePort()}`);
    const aborter = new AbortController();
    const ended = rejection(client.run(count, { id: '1' }, { signal: aborter.signal }));
    const start = performance.now();
    aborter.abort();
    expect((await ended).error).toEqual(unavailable('not_stored'));
    expect(performance.now() - start).toBeLessThan(1_000);
    const { error } = await rejection(client.run(count, { id: '2' }, { signal: aborter.signal }));
    expect(error).toEqual(unavailable('not_stored'));
  });

  test('an abort waits for a reply that is on its way', async () => {
    const redis = await startRedis();
    const client = open(redis.url);
    await client.ping();
    const aborter = new AbortController();
    const call = client.command(['DEBUG', 'SLEEP', '0.4'], { signal: aborter.signal });
    aborter.abort();
    expect(await call).toBe('OK');
    await redis.stop();
  });

  test('a blocked event loop does not use up the time of a call', async () => {
    const redis = await startRedis();
    let pausedMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + pausedMs };
    const client = open(redis.url, { clock });
    await client.ping();
    const call = client.command(['DEBUG', 'SLEEP', '0.4']);
    pausedMs = 5_500;
    expect(await call).toBe('OK');
    await redis.stop();
  });
});
