import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connect, type ConnectOptions } from '../../../src/connect.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { Events, type EngineEvents } from '../../../src/runtime/events.ts';
import { aTask } from '../../support/factories.ts';
import { nextEvent } from '../../support/next-event.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { startCluster } from '../../support/redis-cluster.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';

/** A minute between two looks lasts a second, and their times are short in proportion. */
const minutesAsSeconds = { ...systemClock, monotonicMs: () => 60 * systemClock.monotonicMs() };

const RIGHTS = ['on', '>secret', '~asynq:*', '~tc:*', '&asynq:*', '+@all'];

describe.skipIf(!hasRedis())('what a Redis says about itself', () => {
  let server: RedisServer;
  let raw: RawRedis;

  beforeAll(async () => {
    server = await startRedis();
    raw = await rawRedis(server.port);
  });
  afterAll(async () => {
    raw?.close();
    await server?.stop();
  });
  beforeEach(async () => {
    await raw.call(
      'CONFIG',
      'SET',
      'maxmemory-policy',
      'noeviction',
      'maxmemory',
      '0',
      'save',
      '',
      'min-replicas-to-write',
      '0',
    );
    await raw.call('REPLICAOF', 'NO', 'ONE');
    await raw.call('FLUSHALL');
  });

  async function open(options: ConnectOptions = {}, url = server.url): Promise<Broker> {
    const broker = await connect(url, options);
    onTestFinished(() => broker.close());
    return broker;
  }

  const asUser = () => server.url.replace('//', '//worker:secret@');
  const codesOf = (broker: Broker) =>
    broker.findings.current().map(({ code, severity }) => `${code} ${severity}`);
  const submit = (broker: Broker, id: string) => broker.submit.enqueue([aTask({ queue: 'q', id })]);
  const setUser = (...changes: string[]) =>
    raw.call('ACL', 'SETUSER', 'worker', 'reset', ...RIGHTS, ...changes);

  /** Listens for the next finding with a code; `hasEnded`: for its end. */
  function finding(events: Events, code: string, hasEnded = false): Promise<EngineEvents['broker.finding']> {
    return nextEvent(events, 'broker.finding', (event) => event.code === code && event.hasEnded === hasEnded);
  }

  describe('at the start', () => {
    test('a server that may remove any key is refused, with what to do', async () => {
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '32mb');
      await expect(open()).rejects.toMatchObject({
        code: 'broker-unsafe',
        message: expect.stringMatching(/32 MiB are full \(maxmemory-policy allkeys-lru\)/),
        fix: expect.stringContaining('maxmemory-policy noeviction'),
      });
    });

    test('such a server is used, and told, if its user allows it', async () => {
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '32mb');
      const broker = await open({ allow: ['eviction'] });
      expect(codesOf(broker)).toContain('eviction warning');
      await submit(broker, 'a');
    });

    test('the same policy without a limit is nothing wrong', async () => {
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'save', '3600 1');
      expect(codesOf(await open())).toEqual([]);
    });

    test('volatile keys that may be removed, and tasks in memory only, are told', async () => {
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'volatile-ttl', 'maxmemory', '32mb');
      const broker = await open();
      expect(codesOf(broker)).toEqual(['eviction warning', 'persistence warning']);
      expect(broker.findings.facts()).toMatchObject({
        kind: 'redis',
        role: 'master',
        memory: { maxBytes: 32 * 2 ** 20, policy: 'volatile-ttl', evictedKeys: 0 },
        persistence: { aof: false },
      });
    });

    test('a replica is refused at once, and used for reading if its user allows it', async () => {
      await open();
      await raw.call('REPLICAOF', '127.0.0.1', '1');
      await expect(open()).rejects.toMatchObject({
        code: 'broker-unsafe',
        details: { findings: [{ code: 'replica' }] },
      });
      const reader = await open({ allow: ['replica'] });
      expect(await reader.inspect.queues()).toEqual([]);
    });

    test('a server that takes no writes is refused', async () => {
      await raw.call('CONFIG', 'SET', 'min-replicas-to-write', '1');
      await expect(open()).rejects.toMatchObject({
        code: 'broker-unsafe',
        details: { findings: [{ code: 'read_only', detail: expect.stringContaining('NOREPLICAS') }] },
      });
      expect(codesOf(await open({ allow: ['read_only'] }))).toContain('read_only warning');
    });

    test.each([
      ['a command', ['-zadd'], ['the command ZADD']],
      ['several commands', ['-@sortedset', '-time'], ['the command ZSCORE', 'the command TIME']],
      ['the right to watch keys', ['-client|tracking'], ['the command CLIENT TRACKING']],
      ['our keys', ['resetkeys', '~asynq:*'], ['the keys tc:*']],
      ['all keys', ['resetkeys'], ['the keys asynq:*', 'the keys tc:*']],
      ['one key', ['resetkeys', '~asynq:*', '~tc:{*'], ['the key tc:meta']],
      ['writing to our keys', ['resetkeys', '~asynq:*', '%R~tc:*'], ['DEL', 'HSET', 'on the keys tc:*']],
      ['the channel', ['resetchannels'], ['the channel asynq:cancel']],
      ['the right to run scripts', ['-eval'], ["'eval'"]],
    ])('a user that lacks %s is refused, and told what is missing', async (_, changes, missing) => {
      await setUser(...changes);
      const refused = expect(open({}, asUser())).rejects;
      await refused.toMatchObject({ code: 'broker-unsafe', details: { findings: [{ code: 'rights' }] } });
      for (const text of missing) await expect(open({}, asUser())).rejects.toThrow(text);
    });

    test('a user who may ask the server nothing about itself starts', async () => {
      await setUser('-info', '-role', '-config');
      const broker = await open({}, asUser());
      expect(codesOf(broker)).toEqual([]);
      expect(broker.findings.facts()).toMatchObject({ version: null, role: null, memory: null });
      await submit(broker, 'a');
    });
  });

  describe('later on', () => {
    test('a policy is noticed within a minute, and submissions are refused from the first removed key', async () => {
      const events = new Events();
      const broker = await open({ runtime: { clock: minutesAsSeconds, events } });
      const told = finding(events, 'eviction');
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '1gb');
      expect(await told).toMatchObject({ severity: 'warning' });
      await submit(broker, 'before');
      const worse = finding(events, 'eviction');
      await raw.call('CONFIG', 'SET', 'maxmemory', '1');
      await raw.call('SET', 'tc:doc:api-key', 'x').catch(() => {});
      expect(await worse).toMatchObject({
        severity: 'error',
        detail: expect.stringMatching(/removed: [1-9]/),
      });
      await expect(submit(broker, 'after')).rejects.toMatchObject({ code: 'broker-unsafe' });
      expect(broker.findings.facts().memory!.evictedKeys).toBeGreaterThan(0);
      const ended = finding(events, 'eviction', true);
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '0');
      await ended;
      await submit(broker, 'again');
      // What was removed then is over.
      const toldAgain = finding(events, 'eviction');
      await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '1gb');
      expect(await toldAgain).toMatchObject({
        severity: 'warning',
        detail: expect.stringContaining('none so far'),
      });
      await submit(broker, 'once more');
    });

    test('a replica is noticed by its first refusal, and its end without a restart', async () => {
      const events = new Events();
      const broker = await open({ runtime: { events } });
      const told = finding(events, 'replica');
      await raw.call('REPLICAOF', '127.0.0.1', '1');
      const first = submit(broker, 'first');
      expect(await told).toMatchObject({ severity: 'error' });
      await expect(submit(broker, 'next')).rejects.toMatchObject({ code: 'broker-unsafe' });
      const ended = finding(events, 'replica', true);
      await raw.call('REPLICAOF', 'NO', 'ONE');
      await ended;
      // It was on its way when the server became a replica, and waited.
      expect(await first).toMatchObject([{ code: 'created' }]);
    });

    test('a missing right is noticed by the first refusal, and named', async () => {
      await setUser();
      const events = new Events();
      const broker = await open({ runtime: { events } }, asUser());
      const told = finding(events, 'rights');
      await setUser('-zadd', '-zrem');
      await expect(
        broker.submit.enqueue([aTask({ queue: 'q', id: 'a', delayMs: 60_000 })]),
      ).rejects.toThrow();
      expect((await told).detail).toContain('the command ZADD; the command ZREM');
      const ended = finding(events, 'rights', true);
      await setUser();
      await ended;
      await submit(broker, 'b');
    });

    test('a password that is valid no more is told as such', async () => {
      await setUser();
      const events = new Events();
      const broker = await open({ runtime: { events } }, asUser());
      const told = finding(events, 'rights');
      await setUser('resetpass', '>other');
      await raw.call('CLIENT', 'KILL', 'USER', 'worker');
      // It ends when the broker is closed.
      submit(broker, 'a').catch(() => {});
      expect((await told).detail).toContain('WRONGPASS');
    });
  });
});

test.skipIf(!hasRedis())('every master of a cluster is looked at, and named', async () => {
  const cluster = await startCluster();
  onTestFinished(() => cluster.stop());
  const { raw, server } = cluster.nodes[2]!;
  await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random', 'maxmemory', '1gb');
  await expect(connect(cluster.url)).rejects.toMatchObject({
    code: 'broker-unsafe',
    details: {
      findings: [
        { code: 'eviction', detail: expect.stringContaining(`127.0.0.1:${server.port} removes tasks`) },
      ],
    },
  });
});
