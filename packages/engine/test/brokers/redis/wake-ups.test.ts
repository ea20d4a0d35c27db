import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import type { KnownDue } from '../../../src/broker/signals.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

describe.runIf(hasRedis())('wake-ups of Redis', () => {
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
  function started(promise: Promise<unknown>): { promise: Promise<unknown>; isOver: boolean } {
    const wait = { promise, isOver: false };
    void promise.then(() => (wait.isOver = true));
    return wait;
  }
  const work = (...queues: string[]) => started(broker.signals.waitForWork(queues, aborter.signal));
  const due = (...known: KnownDue[]) => started(broker.signals.waitForDue(known, aborter.signal));

  /** Reads of the connection for wake-ups so far. */
  async function reads(command: 'exists' | 'zrange'): Promise<number> {
    const stats = String(await raw.call('INFO', 'commandstats'));
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  /** Resolves when the connection for wake-ups has read `times` more often than `before`. */
  async function untilRead(command: 'exists' | 'zrange', before: number, times: number): Promise<void> {
    await expect.poll(() => reads(command), { interval: 5 }).toBeGreaterThanOrEqual(before + times);
    // After one more round trip the replies to these reads have arrived, too.
    await raw.call('PING');
    await new Promise((resolve) => setImmediate(resolve));
  }

  async function armedWork(...queues: string[]) {
    const before = await reads('exists');
    const wait = work(...queues);
    await untilRead('exists', before, 2 * queues.length);
    expect(wait.isOver).toBe(false);
    return wait;
  }

  async function armedDue(...known: KnownDue[]) {
    const before = await reads('zrange');
    const wait = due(...known);
    await untilRead('zrange', before, 3 * known.length);
    expect(wait.isOver).toBe(false);
    return wait;
  }

  test('a task that a foreign client pushes wakes a waiting worker', async () => {
    const wait = await armedWork('a', 'b', 'c');
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await wait.promise;
  });

  test('a task that a script pushes wakes a waiting worker', async () => {
    const wait = await armedWork('a');
    await raw.call('EVAL', "return redis.call('LPUSH', KEYS[1], 'id')", '1', 'asynq:{a}:pending');
    await wait.promise;
  });

  test('a wait for a backlog is ended by its announcement, not by a task', async () => {
    const before = await reads('exists');
    const wait = started(broker.signals.waitForBacklog(['a', 'b'], aborter.signal));
    await untilRead('exists', before, 2);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    // Both use one connection: an invalidation by the push would arrive before this wait ends.
    await work('a').promise;
    expect(wait.isOver).toBe(false);
    await broker.signals.announceBacklog('a');
    await wait.promise;
  });

  test('a task that is pending already ends each wait at once', async () => {
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await work('a', 'b').promise;
    await work('a', 'b').promise;
  });

  test('a paused queue wakes nobody until it is resumed', async () => {
    await raw.call('SET', 'asynq:{a}:paused', '1');
    const before = await reads('exists');
    const wait = await armedWork('a');
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await untilRead('exists', before, 4);
    expect(wait.isOver).toBe(false);
    await raw.call('DEL', 'asynq:{a}:paused');
    await wait.promise;
  });

  test('a later wait is armed again: a task that came and went in between does not end it', async () => {
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

  test('a watch survives FLUSHALL', async () => {
    const before = await reads('exists');
    const wait = await armedWork('a');
    await raw.call('FLUSHALL');
    await untilRead('exists', before, 4);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait.promise;
  });

  test('a task that is pushed after the connection for wake-ups was killed wakes', async () => {
    const wait = await armedWork('a');
    const tracking = String(await raw.call('CLIENT', 'LIST'))
      .split('\n')
      .find((line) => /flags=\S*t/.test(line));
    const [, id = ''] = /^id=(\d+)/.exec(tracking ?? '') ?? [];
    expect(await raw.call('CLIENT', 'KILL', 'ID', id)).toBe(1);
    await raw.call('LPUSH', 'asynq:{a}:pending', 'id');
    await wait.promise;
  });

  test('a task that is pushed after a restart of Redis wakes', async () => {
    const own = await startRedis({ appendonly: true });
    const other = await connectRedis({ url: own.url });
    const wait = started(other.signals.waitForWork(['a'], aborter.signal));
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
      started(broker.signals.waitForWork(['a', 'b'], new AbortController().signal)),
    );
    await untilRead('exists', before, 4);
    const late = work('b');
    await raw.call('PING');
    expect(await reads('exists')).toBe(before + 4);
    await raw.call('LPUSH', 'asynq:{b}:pending', 'id');
    await Promise.all([...waits, late].map(({ promise }) => promise));
  });

  test('an abort ends a wait and leaves no listener', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listeners += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listeners -= 1), remove(...args));
    await raw.call('LPUSH', 'asynq:{full}:pending', 'id');
    await broker.signals.waitForWork(['full'], signal);
    expect(listeners).toBe(0);
    const waits = [broker.signals.waitForWork(['a'], signal), broker.signals.waitForDue([], signal)];
    controller.abort();
    await Promise.all(waits);
    expect(listeners).toBe(0);
    await broker.signals.waitForWork(['a'], signal);
  });

  test('an earlier due time wakes, a later one does not', async () => {
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2000', 'x');
    const before = await reads('zrange');
    const wait = await armedDue({ queue: 'a', nextDueMs: 2_000_000 }, { queue: 'b', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2001', 'y');
    await untilRead('zrange', before, 9);
    expect(wait.isOver).toBe(false);
    await raw.call('ZADD', 'asynq:{a}:retry', '1999', 'z');
    await wait.promise;
  });

  test('our exact ms take precedence over the seconds of Asynq', async () => {
    await raw.call('ZADD', 'asynq:{a}:scheduled', '2000', 'x');
    await raw.call('ZADD', 'tc:{a}:due', '1999500', 'x');
    const wait = await armedDue({ queue: 'a', nextDueMs: 1_999_500 });
    await raw.call('ZADD', 'tc:{a}:due', '1999499', 'y');
    await wait.promise;
  });

  test('the first entry wakes a waiter that knew of none', async () => {
    const wait = await armedDue({ queue: 'a', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '253370764800', 'x');
    await wait.promise;
  });

  test('a due time earlier than the known one ends the wait at once', async () => {
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
    // About one read of the three sets in 10 ms.
    expect((await reads('zrange')) - before).toBeLessThan(3 * (10 + ms / 8));
    expect(wait.isOver).toBe(false);
    await raw.call('ZADD', 'asynq:{a}:scheduled', '0', 'earlier');
    await wait.promise;
  });

  test('a key of another type does not stop the wake-ups of other queues', async () => {
    await raw.call('SET', 'asynq:{bad}:scheduled', 'x');
    const wait = due({ queue: 'bad', nextDueMs: null }, { queue: 'a', nextDueMs: null });
    await raw.call('ZADD', 'asynq:{a}:scheduled', '1', 'x');
    await wait.promise;
  });

  test('close ends the waits under way; later waits end with their signal', async () => {
    const wait = await armedWork('a');
    await broker.close();
    await wait.promise;
    const late = work('a');
    await new Promise((resolve) => setImmediate(resolve));
    expect(late.isOver).toBe(false);
    aborter.abort();
    await late.promise;
  });
});

describe.runIf(hasRedis())('wake-ups of a Redis that stops', () => {
  test('their connection is replaced, and a task that is pushed meanwhile wakes', async () => {
    const redis = await startRedis();
    const proxy = await startFaultProxy(redis.port);
    const broker = await connectRedis({ url: proxy.url });
    const aborter = new AbortController();
    const wait = broker.signals.waitForWork(['a'], aborter.signal);
    // The connection for wake-ups is armed by its last commands, these reads.
    await until(() => proxy.forwarded.includes('EXISTS'));
    await broker.documents.list('none');
    const { connections } = proxy;
    redis.pause();
    // No call is under way: a new connection means that the one for wake-ups was given up.
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
