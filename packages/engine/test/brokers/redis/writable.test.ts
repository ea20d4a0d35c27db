import { describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { asLimitedUser, LIMITED_USER } from '../../support/limited-user.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

interface Bed {
  readonly server: RedisServer;
  readonly raw: RawRedis;
  readonly broker: Broker;
}

async function setUp(args: readonly string[] = [], url = (plain: string) => plain): Promise<Bed> {
  const server = await startRedis({ args });
  onTestFinished(() => server.stop());
  const raw = await rawRedis(server.port);
  onTestFinished(() => raw.close());
  const broker = await connectRedis({ url: url(server.url) });
  onTestFinished(() => broker.close());
  return { server, raw, broker };
}

/** How many scripts the server was sent, those that it has refused included. */
async function scriptsOf(raw: RawRedis): Promise<number> {
  const text = String(await raw.call('INFO', 'commandstats'));
  const counts = text.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+).*rejected_calls=(\d+)/g);
  return [...counts].reduce((sum, [, ran, refused]) => sum + Number(ran) + Number(refused), 0);
}

describe.skipIf(!hasRedis())('a Redis that is asked whether it takes tasks', () => {
  test('says no while its memory is full, and yes when it has room again', async () => {
    const { raw, broker } = await setUp();
    await broker.checkWritable();
    await raw.call('CONFIG', 'SET', 'maxmemory', '1');
    await expect(broker.checkWritable()).rejects.toMatchObject({ code: 'broker-full' });
    await raw.call('CONFIG', 'SET', 'maxmemory', '0');
    await broker.checkWritable();
  });

  test('says no at once, and is asked once, where it is a replica', async () => {
    const { server, raw, broker } = await setUp();
    await broker.checkWritable();
    // Its master does not exist: it stays as it is, and takes no writes.
    await raw.call('REPLICAOF', '127.0.0.1', String(server.port === 10_000 ? 10_001 : 10_000));
    const before = await scriptsOf(raw);
    await expect(broker.checkWritable()).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { outcome: 'not_stored', cause: expect.stringMatching(/^READONLY/) },
    });
    // Beside it, the look at the server that follows. A call that is repeated for two seconds takes eight.
    expect((await scriptsOf(raw)) - before).toBeLessThanOrEqual(3);
    // It hints at what is wrong: the findings have it soon.
    await until(() => broker.findings.current().some(({ code }) => code === 'replica'));
  });

  test('says no where too few replicas have what it has', async () => {
    const { raw, broker } = await setUp();
    await raw.call('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await expect(broker.checkWritable()).rejects.toMatchObject({
      code: 'broker-unavailable',
      details: { cause: expect.stringMatching(/^NOREPLICAS/) },
    });
  });

  test('is out of reach after two seconds without an answer', async () => {
    const { server, broker } = await setUp();
    server.pause();
    onTestFinished(() => server.resume());
    const startedMs = performance.now();
    await expect(broker.checkWritable()).rejects.toMatchObject({ code: 'broker-unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(4_000);
  });

  test('needs no more rights than the limited user has', async () => {
    const { broker } = await setUp(LIMITED_USER, asLimitedUser);
    await broker.checkWritable();
  });
});
