import { describe, expect, onTestFinished, test } from 'vitest';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../../src/client/client.ts';
import { aTask } from '../../support/factories.ts';
import { rawRedis, type RawRedis } from '../../support/raw-redis.ts';
import { hasRedis, newRedisServer, startRedis, type RedisOptions } from '../../support/redis-server.ts';
import { until } from '../../support/until.ts';

async function serverWithBroker(options: RedisOptions = {}) {
  const server = await startRedis(options);
  const raw = await rawRedis(server.port);
  const broker = await connectRedis({ url: server.url });
  onTestFinished(async () => {
    raw.close();
    await broker.close();
    await server.stop();
  });
  return { server, raw, broker, client: new Client(broker) };
}

/** A master with one replica that has caught up. */
async function masterAndReplica() {
  // Without this option a master waits some seconds for more replicas before it sends its data.
  const master = await serverWithBroker({ args: ['--repl-diskless-sync-delay', '0'] });
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.server.port)] });
  onTestFinished(() => replica.stop());
  const raw: RawRedis = await rawRedis(replica.port);
  onTestFinished(() => raw.close());
  // The master reports this once the replica has acknowledged data.
  await until(async () => String(await master.raw.call('INFO', 'replication')).includes('state=online'));
  return { ...master, replica, replicaRaw: raw };
}

describe.skipIf(!hasRedis())('the durability of an acknowledged task', () => {
  test('"replicated": a replica has it', async () => {
    const { client, replicaRaw } = await masterAndReplica();
    await client.enqueue('x', null, { id: 'a', durability: 'replicated' });
    expect(await replicaRaw.call('EXISTS', 'asynq:{default}:t:a')).toBe(1);
    expect(await replicaRaw.call('SISMEMBER', 'asynq:queues', 'default')).toBe(1);
  });

  test('"replicated" while the replica is stopped: the caller gets an error, and other calls do not wait', async () => {
    const { client, broker, replica } = await masterAndReplica();
    replica.pause();
    const startedMs = performance.now();
    const asked = expect(client.enqueue('x', null, { id: 'a', durability: 'replicated' })).rejects;
    await client.enqueue('x', null, { id: 'b' });
    expect(performance.now() - startedMs).toBeLessThan(900);
    await asked.toMatchObject({ code: 'durability-not-reached', details: { id: 'a' } });
    expect(await broker.inspect.task({ queue: 'default', id: 'a' })).toMatchObject({ state: 'pending' });
    replica.resume();
    await client.enqueue('x', null, { id: 'c', durability: 'replicated' });
  });

  test('"replicated" after the broker was closed: the call is refused and nothing is stored', async () => {
    const { server, raw } = await serverWithBroker();
    const broker = await connectRedis({ url: server.url });
    await broker.close();
    const late = broker.submit.enqueue([aTask({ id: 'late' })], { durability: 'replicated' });
    await expect(late).rejects.toMatchObject({ code: 'broker-closed' });
    expect(await raw.call('KEYS', '*late*')).toEqual([]);
    // The connections of this test and of the first broker.
    expect(
      String(await raw.call('CLIENT', 'LIST'))
        .trim()
        .split('\n'),
    ).toHaveLength(2);
  });

  test('"replicated" without any replica: the task is stored, and the caller gets an error', async () => {
    const { client } = await serverWithBroker();
    const storing = client.enqueueMany([
      { task: 'x', id: 'a', durability: 'replicated' },
      { task: 'x', id: 'b' },
    ]);
    await expect(storing).rejects.toMatchObject({
      code: 'some-not-stored',
      message: expect.stringMatching(
        /^1 of 2 tasks may be stored or not: \[0\] Task "a" is stored/,
      ) as string,
      details: {
        stored: [{ index: 1, task: { id: 'b', state: 'pending' } }],
        failed: [],
        unknown: [{ index: 0, id: 'a', queue: 'default', error: { code: 'durability-not-reached' } }],
      },
    });
    const again = client.enqueue('x', null, { id: 'a' });
    await expect(again).rejects.toMatchObject({ code: 'task-exists' });
  });

  test('"fsync" is refused on a server that cannot confirm it, and nothing is stored', async () => {
    // No server can without AOF.
    const { client, raw } = await serverWithBroker();
    const call = client.enqueue('x', null, { durability: 'fsync' });
    await expect(call).rejects.toMatchObject({
      code: 'durability-unsupported',
      message: expect.stringContaining('"fsync"'),
    });
    const tasks = [{ task: 'x', durability: 'fsync' }, { task: 'x' }] as const;
    expect(await client.enqueueMany(tasks, { outcomes: true })).toMatchObject([
      { error: { code: 'durability-unsupported' } },
      { task: { state: 'pending' } },
    ]);
    expect(await raw.call('LLEN', 'asynq:{default}:pending')).toBe(1);
  });

  test('an unknown durability is refused', async () => {
    const { client } = await serverWithBroker();
    const call = client.enqueue('x', null, { durability: 'disk' as 'fsync' });
    await expect(call).rejects.toMatchObject({ code: 'invalid-value' });
  });

  test.skipIf(newRedisServer() === null)('"fsync": the task is on the disk when the call ends', async () => {
    const program = newRedisServer() as string;
    const args = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
    const { client, server, broker } = await serverWithBroker({ program, args });
    await client.enqueueMany(
      Array.from({ length: 300 }, (_, i) => ({ task: 'x', id: `t${i}`, durability: 'fsync' as const })),
    );
    await server.restart();
    const { tasks } = await broker.inspect.list({
      queue: 'default',
      state: 'pending',
      limit: 500,
      cursor: null,
    });
    expect(tasks).toHaveLength(300);
  });

  test('a task after FLUSHDB registers its queue again at once', async () => {
    const { client, raw } = await serverWithBroker();
    await client.enqueue('x');
    await raw.call('FLUSHDB');
    await client.enqueue('x');
    expect(await raw.call('SMEMBERS', 'asynq:queues')).toEqual(['default']);
  });
});

test.skipIf(!hasRedis())(
  'a broker opens the connection for durable writes only when one is asked for',
  async () => {
    const { broker, raw } = await serverWithBroker();
    await broker.submit.enqueue([aTask()]);
    expect(String(await raw.call('CLIENT', 'LIST')).match(/name=task-center/g)).toHaveLength(1);
    await broker.submit.enqueue([aTask()], { durability: 'replicated' });
    await broker.submit.enqueue([aTask()], { durability: 'replicated' });
    expect(String(await raw.call('CLIENT', 'LIST')).match(/name=task-center/g)).toHaveLength(2);
  },
);
