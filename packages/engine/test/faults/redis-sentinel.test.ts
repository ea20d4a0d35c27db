import { describe, expect, test, type TestContext } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect } from '../../src/connect.ts';
import {
  waitUntilDrained,
  expectKept,
  Load,
  waitForAcknowledged,
  type LoadOptions,
} from '../support/load.ts';
import { rawRedis } from '../support/raw-redis.ts';
import { hasRedis } from '../support/redis-server.ts';
import { startSentinels, type SentinelOptions, type Sentinels } from '../support/redis-sentinels.ts';
import { until } from '../support/until.ts';

async function setUp({ onTestFinished }: TestContext, options?: SentinelOptions): Promise<Sentinels> {
  const group = await startSentinels(options);
  onTestFinished(() => group.stop());
  return group;
}

/** Connects; the broker is closed when the test ends. */
async function open({ onTestFinished }: TestContext, url: string): Promise<Broker> {
  const broker = await connect(url);
  onTestFinished(() => broker.close());
  return broker;
}

/** Starts a load, which is stopped when the test ends. */
async function startLoad({ onTestFinished }: TestContext, broker: Broker, options?: LoadOptions) {
  const load = new Load(broker, options);
  onTestFinished(() => load.stop());
  await load.start();
  return load;
}

/** Number of this program's connections to a server. */
async function ourConnections(port: number): Promise<number> {
  const raw = await rawRedis(port);
  const list = String(await raw.call('CLIENT', 'LIST'));
  raw.close();
  return list.match(/name=task-center/g)?.length ?? 0;
}

/** Null if the server closes the connection: a Sentinel that makes it a replica also kills its clients. */
async function roleOf(port: number): Promise<string | null> {
  const raw = await rawRedis(port);
  try {
    const [role = null] = (await raw.call('ROLE')) as string[];
    return role;
  } catch {
    return null;
  } finally {
    raw.close();
  }
}

/** The error of a connection attempt that must fail. */
async function refusalOf(url: string): Promise<unknown> {
  try {
    await (await connect(url)).close();
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to be refused');
}

// Concurrent, because they wait most of the time: for Sentinels that agree, and for calls that end in vain.
describe.skipIf(!hasRedis())('behind Sentinel', { concurrent: true }, () => {
  test('all Sentinels are tried, with their own password, and each error names its cause', async (context) => {
    const group = await setUp(context, { password: 'of-servers', sentinelPassword: 'of-sentinels' });
    const [first, second] = group.sentinels;
    await Promise.all([first?.kill(), second?.kill()]);
    const broker = await open(context, `${group.url}&password=of-servers`);
    expect(broker.name).toBe(group.url.replace(':of-sentinels@', ''));
    await broker.ping();
    // Side by side, as each takes the time that a call has.
    const [wrongPassword, wrongForSentinels, unknownMaster, noSentinel] = await Promise.all([
      refusalOf(`${group.url}&password=wrong`),
      refusalOf(group.url.replace('of-sentinels', 'wrong')),
      refusalOf(group.url.replace('master=tasks', 'master=other')),
      refusalOf(group.url.replace('-sentinel', '').replace(/,.*/, '')),
    ]);
    expect(wrongPassword).toMatchObject({ code: 'broker-refused' });
    expect(wrongForSentinels).toMatchObject({ code: 'broker-refused' });
    expect(unknownMaster).toMatchObject({
      code: 'broker-unavailable',
      message: expect.stringContaining('knows no master "other"'),
    });
    expect(noSentinel).toMatchObject({ code: expect.stringMatching(/^broker-/) });
  });

  test('a master hands over under load: calls follow at once, although it still accepts writes', async (context) => {
    const group = await setUp(context);
    const broker = await open(context, group.url);
    // Counted before the load: while a thread of its own renews leases, that has connections, too.
    const counting = new AbortController();
    const waiting = broker.signals.waitForWork(['none'], counting.signal);
    await until(async () => {
      const counts = [group.master, ...group.sentinels].map(({ port }) => ourConnections(port));
      const [toMaster, ...toSentinels] = await Promise.all(counts);
      return toMaster === 2 && toSentinels.reduce((sum, count) => sum + count, 0) === 1;
    });
    counting.abort();
    await waiting;
    const load = await startLoad(context, broker);
    await waitForAcknowledged(load, 300);
    const sentinel = await rawRedis(group.sentinels[0]?.port ?? 0);
    await sentinel.call('SENTINEL', 'FAILOVER', 'tasks');
    await until(async () => (await group.masterPort()) === group.replica.port, 30_000);
    sentinel.close();
    await waitForAcknowledged(load, load.acknowledged.size + 300);
    await load.stopProducing();
    const ended = await waitUntilDrained(load, broker);
    // Redis discards what only the old master has when it becomes a replica.
    expect(ended.completed).toBeGreaterThan(300);
    expect(ended.archived).toBe(0);
    const replica = await rawRedis(group.replica.port);
    const [role] = (await replica.call('ROLE')) as string[];
    expect(role).toBe('master');
    expect(await replica.call('ZCARD', 'asynq:{default}:completed')).toBe(ended.completed);
    replica.close();
  });

  test('a master is killed under load: what its replica has is kept, and work goes on', async (context) => {
    const group = await setUp(context);
    const broker = await open(context, group.url);
    const load = await startLoad(context, broker, { durability: 'replicated' });
    await waitForAcknowledged(load, 300);
    const before = new Set(load.acknowledged);
    await group.master.kill();
    const killedMs = performance.now();
    await until(async () => (await group.masterPort()) === group.replica.port, 30_000);
    const runs = load.runs.size;
    await until(async () => load.runs.size > runs + 100, 20_000);
    expect(performance.now() - killedMs).toBeLessThan(30_000);
    await load.stopProducing();
    const ended = await waitUntilDrained(load, broker);
    for (const id of before) expect(load.runs.get(id), `runs of ${id}`).toBeGreaterThanOrEqual(1);
    for (const id of load.acknowledged) expect(load.runs.has(id), `${id} ran`).toBe(true);
    for (const id of load.refused) expect(load.runs.has(id), `${id} ran`).toBe(false);
    expect(ended).toMatchObject({ failed: 0, archived: 0 });
    // A finish that had not reached the replica is repeated there, so the task ends a second time.
    expect(ended.completed).toBeGreaterThanOrEqual(load.acknowledged.size);
    expect(ended.completed).toBeLessThanOrEqual(load.runs.size);
  });

  test('an old master that comes back as a replica gets no more writes', async (context) => {
    const group = await setUp(context);
    const broker = await open(context, group.url);
    await broker.ping();
    await group.master.kill();
    await until(async () => (await group.masterPort()) === group.replica.port, 30_000);
    // A Sentinel names the new master slightly before it announces it: the broker must have followed before the old one
    // is back, which for a moment accepts writes that are lost.
    await broker.ping();
    await group.master.restart();
    const load = await startLoad(context, broker);
    await waitForAcknowledged(load, 200);
    await load.stopProducing();
    await expectKept(load, broker);
    await until(async () => (await roleOf(group.master.port)) === 'slave', 30_000);
    expect(await ourConnections(group.master.port)).toBe(0);
  });
});
