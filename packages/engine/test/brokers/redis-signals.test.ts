import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import type { Broker } from '../../src/broker/broker.ts';
import type { KnownDue } from '../../src/broker/signals.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

describe.runIf(hasRedis())('signals of Redis', () => {
  let redis: RedisServer;
  let raw: RawRedis;
  let broker: Broker;
  let aborter: AbortController;

  beforeAll(async () => {
    redis = await startRedis();
    raw = await rawRedis(redis.port);
  });
  afterAll(async () => {
    raw.close();
    await redis.stop();
  });
  beforeEach(async () => {
    await raw.call('FLUSHALL');
    broker = await connectRedis({ url: redis.url });
    aborter = new AbortController();
  });
  afterEach(async () => {
    aborter.abort();
    await broker.close();
  });

  /** A wait, and whether it is over. */
  function started(promise: Promise<void>): { promise: Promise<void>; over: boolean } {
    const wait = { promise, over: false };
    void promise.then(() => (wait.over = true));
    return wait;
  }
  const work = (...queues: string[]) => started(broker.signals.work(queues, aborter.signal));
  const due = (...known: KnownDue[]) => started(broker.signals.due(known, aborter.signal));

  /** Reads of the signals' connection so far. */
  async function reads(command: 'exists' | 'zrange'): Promise<number> {
    const stats = String(await raw.call('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  /** Resolves when the signals' connection has read so many times since `before`. */
  async function armed(command: 'exists' | 'zrange', before: number, times: number): Promise<void> {
    await expect.poll(() => reads(command), { interval: 5 }).toBeGreaterThanOrEqual(before + times);
    // One round trip more, so that what the reads found is known here too.
    await raw.call('PING');
    await new Promise((resolve) => setImmediate(resolve));
  }

  async function armedWork(...queues: string[]) {
    const before = await reads('exists');
    const wait = work(...queues);
    await armed('exists', before, 2 * queues.length);
    expect(wait.over).toBe(false);
    return wait;
  }

  async function armedDue(...known: KnownDue[]) {
    const before = await reads('zrange');
    const wait = due(...known);
    await armed('zrange', before, 3 * known.length);
    expect(wait.over).toBe(false);
    return wait;
  }

  test('a task that a foreign client pushes wakes', async () => {
    const wait = await armedWork('a', 'b', 'c');
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await wait.promise;
  });

  test('a task that a script pushes wakes', async () => {
    const wait = await armedWork('a');
    await raw.call('EVAL', "return redis.call('LPUSH', KEYS[1], 'id')", '1', 'asynq:{a}:pending');
    await wait.promise;
  });

  test('a task wakes nobody who waits for a backlog, being told of one does', async () => {
    const before = await reads('exists');
    const wait = started(broker.signals.backlog(['a', 'b'], aborter.signal));
    await armed('exists', before, 2);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    // Their connection is the same: what the push tells would be here before this one's end.
    await work('a').promise;
    expect(wait.over).toBe(false);
    await broker.signals.tellBacklog('a');
    await wait.promise;
  });

  test('what is there already resolves at once, each time', async () => {
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await work('a', 'b').promise;
    await work('a', 'b').promise;
  });

  test('a paused queue wakes nobody until it is resumed', async () => {
    await raw.call('SET', 'asynq:{a}:paused', '1');
    const before = await reads('exists');
    const wait = await armedWork('a');
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await armed('exists', before, 4);
    expect(wait.over).toBe(false);
    await raw.call('DEL', 'asynq:{a}:paused');
    await wait.promise;
  });

  test('a wait after another is armed anew: what came and went in between does not count', async () => {
    const first = await armedWork('a');
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await first.promise;
    await raw.call('RPOP', 'asynq:{a}:pending');
    const second = await armedWork('a');
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await second.promise;
  });

  test('a task pushed while the wait begins is never missed', async () => {
    for (let i = 0; i < 100; i += 1) {
      const wait = work('race');
      await Promise.all([raw.call('LPUSH', 'asynq:{race}:pending', 'id'), i % 2 === 0 && raw.call('PING')]);
      await wait.promise;
      await raw.call('DEL', 'asynq:{race}:pending');
    }
  });

  test('FLUSHALL ends no watch', async () => {
    const before = await reads('exists');
    const wait = await armedWork('a');
    await raw.call('FLUSHALL');
    await armed('exists', before, 4);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait.promise;
  });

  test('a task pushed after the signal connection was killed wakes', async () => {
    const wait = await armedWork('a');
    const tracking = String(await raw.call('CLIENT', 'LIST'))
      .split('\n')
      .find((line) => /flags=\S*t/.test(line));
    const [, id = ''] = /^id=(\d+)/.exec(tracking ?? '') ?? [];
    expect(await raw.call('CLIENT', 'KILL', 'ID', id)).toBe(1);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait.promise;
  });

  test('a task pushed after a restart of Redis wakes', async () => {
    const own = await startRedis({ appendonly: true });
    const other = await connectRedis({ url: own.url });
    const wait = started(other.signals.work(['a'], aborter.signal));
    await own.restart();
    const foreign = await rawRedis(own.port);
    await foreign.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait.promise;
    foreign.close();
    await other.close();
    await own.stop();
  });

  test('many waits share the reads of a queue', async () => {
    const before = await reads('exists');
    const waits = Array.from({ length: 50 }, () =>
      started(broker.signals.work(['a', 'b'], new AbortController().signal)),
    );
    await armed('exists', before, 4);
    const late = work('b');
    await raw.call('PING');
    expect(await reads('exists')).toBe(before + 4);
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await Promise.all([...waits, late].map(({ promise }) => promise));
  });

  test('an abort resolves, and leaves no listener', async () => {
    const one = new AbortController();
    let listeners = 0;
    const { signal } = one;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
    await raw.call('LPUSH', 'asynq:{full}:pending', 'id');
    await broker.signals.work(['full'], signal);
    expect(listeners).toBe(0);
    const waits = [broker.signals.work(['a'], signal), broker.signals.due([], signal)];
    one.abort();
    await Promise.all(waits);
    expect(listeners).toBe(0);
    await broker.signals.work(['a'], signal);
  });

  test('an earlier due entry wakes, a later one does not', async () => {
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2000', 'x');
    const before = await reads('zrange');
    const wait = await armedDue({ queue: 'a', nextDueMs: 2_000_000 }, { queue: 'b', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2001', 'y');
    await armed('zrange', before, 9);
    expect(wait.over).toBe(false);
    await raw.call('ZADD', 'asynq:{a}:retry', '1999', 'z');
    await wait.promise;
  });

  test('the exact ms of ours count before the seconds of Asynq', async () => {
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2000', 'x');
    await raw.call('ZADD', 'tc:{a}:due', '1999500', 'x');
    const wait = await armedDue({ queue: 'a', nextDueMs: 1_999_500 });
    await raw.call('ZADD', 'tc:{a}:due', '1999499', 'y');
    await wait.promise;
  });

  test('the first entry wakes whoever knew of none', async () => {
    const wait = await armedDue({ queue: 'a', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '253370764800', 'x');
    await wait.promise;
  });

  test('what is due earlier than known resolves at once', async () => {
    await raw.call('ZADD', 'tc:{a}:due', '5', 'x');
    await due({ queue: 'a', nextDueMs: 6 }).promise;
    await due({ queue: 'a', nextDueMs: null }).promise;
  });

  test('a storm of later entries costs few reads', async () => {
    await raw.call('ZADD', 'asynq:{a}:scheduled', '1', 'x');
    const before = await reads('zrange');
    const wait = await armedDue({ queue: 'a', nextDueMs: 1_000 });
    const start = performance.now();
    for (let i = 0; i < 2_000; i += 1) await raw.call('ZADD', 'asynq:{a}:scheduled', '2', `later-${i}`);
    const ms = performance.now() - start;
    // About one read of three heads in 10 ms.
    expect((await reads('zrange')) - before).toBeLessThan(3 * (10 + ms / 8));
    expect(wait.over).toBe(false);
    await raw.call('ZADD', 'asynq:{a}:scheduled', '0', 'earlier');
    await wait.promise;
  });

  test('a key of another type stops nobody else', async () => {
    await raw.call('SET', 'asynq:{bad}:scheduled', 'x');
    const wait = due({ queue: 'bad', nextDueMs: null }, { queue: 'a', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '1', 'x');
    await wait.promise;
  });

  test('close ends the waits under way; later ones end with their signal', async () => {
    const wait = await armedWork('a');
    await broker.close();
    await wait.promise;
    const late = work('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(late.over).toBe(false);
    aborter.abort();
    await late.promise;
  });
});

describe.runIf(hasRedis())('signals of a Redis that stops', () => {
  test('the connection is replaced, and a task pushed meanwhile wakes', async () => {
    const redis = await startRedis();
    const proxy = await startFaultProxy(redis.port);
    const broker = await connectRedis({ url: proxy.url });
    const aborter = new AbortController();
    const wait = broker.signals.work(['a'], aborter.signal);
    // The one that waits asks for what it waits for last of all.
    await until(() => proxy.passed.includes('EXISTS'));
    await broker.documents.list('none');
    const { connections } = proxy;
    redis.pause();
    // No call is under way: who connects anew has given up the connection that waits.
    await until(() => proxy.connections > connections);
    redis.resume();
    const raw = await rawRedis(redis.port);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait;
    raw.close();
    await broker.close();
    await proxy.close();
    await redis.stop();
  });
});
