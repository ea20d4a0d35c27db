import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test, type TestContext } from 'vitest';
import { connect } from '../../src/connect.ts';
import { slotOf } from '../../src/brokers/redis/client/topology/slots.ts';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { asLimitedUser, LIMITED_USER } from '../support/limited-user.ts';
import { waitUntilDrained, expectKept, Load, waitForAcknowledged } from '../support/load.ts';
import { startCluster, type ClusterNode, type RedisCluster } from '../support/redis-cluster.ts';
import { hasRedis } from '../support/redis-server.ts';
import { tempFolder } from '../support/temp.ts';
import { until } from '../support/until.ts';

const slotOfQueue = (queue: string): number => slotOf(`asynq:{${queue}}:pending`);

// Concurrent, because they wait most of the time: for elections, servers that start, and calls that end in vain.
describe.skipIf(!hasRedis())('in a cluster of its own', { concurrent: true }, () => {
  /** Resolves when a client has tried to connect to a port on which no server listens. */
  async function untilAsked(port: number): Promise<void> {
    const server = createServer((socket) => socket.destroy());
    server.listen(port, '127.0.0.1');
    await once(server, 'connection');
    server.close();
    await once(server, 'close');
  }

  async function setUp({ onTestFinished }: TestContext, args?: readonly string[]): Promise<RedisCluster> {
    const cluster = await startCluster(3, args);
    onTestFinished(() => cluster.stop());
    return cluster;
  }

  test('a master is killed under load: its replica takes over, what it has is kept, and work goes on', async (context) => {
    const cluster = await setUp(context, ['--repl-diskless-sync-delay', '0']);
    const queue = 'default';
    const master = await cluster.ownerOf(slotOfQueue(queue));
    const replica = await cluster.addReplica(master);
    const broker = await connect(cluster.url);
    const load = new Load(broker, { queues: [queue], durability: 'replicated' });
    context.onTestFinished(async () => {
      await load.stop();
      await broker.close();
    });
    await load.start();
    await waitForAcknowledged(load, 300);
    const before = new Set(load.acknowledged);
    await master.server.kill();
    await until(async () => ((await replica.raw.call('ROLE')) as string[])[0] === 'master', 30_000);
    const tookOverMs = performance.now();
    const runs = load.runs.size;
    await until(async () => load.runs.size > runs + 100, 20_000);
    expect(performance.now() - tookOverMs).toBeLessThan(10_000);
    await load.stopProducing();
    const ended = await waitUntilDrained(load, broker);
    for (const id of before) expect(load.runs.get(id), `runs of ${id}`).toBeGreaterThanOrEqual(1);
    for (const id of load.acknowledged) expect(load.runs.has(id), `${id} ran`).toBe(true);
    for (const id of load.refused) expect(load.runs.has(id), `${id} ran`).toBe(false);
    expect(ended).toMatchObject({ failed: 0, archived: 0 });
  });

  test('a user with few rights can do everything', async (context) => {
    const cluster = await setUp(context, LIMITED_USER);
    const broker = await connect(asLimitedUser(cluster.url));
    const load = new Load(broker, { queues: ['a', 'b', 'c'] });
    await load.start();
    await waitForAcknowledged(load, 100);
    await load.stopProducing();
    await expectKept(load, broker);
    await load.stop();
    await broker.close();
  });

  test.skipIf(!hasOpenssl())('tasks run over TLS (needs openssl)', async ({ onTestFinished }) => {
    const folder = await tempFolder();
    const files = makeCertificates(folder.path);
    const cluster = await startCluster(3, [], files);
    onTestFinished(async () => {
      await cluster.stop();
      await folder.remove();
    });
    const { ca, cert, key } = files;
    const broker = await connect(`${cluster.url}?${String(new URLSearchParams({ ca, cert, key }))}`);
    const load = new Load(broker, { queues: ['a', 'b', 'c'] });
    await load.start();
    await waitForAcknowledged(load, 100);
    const owner = await cluster.ownerOf(slotOfQueue('a'));
    await cluster.moveSlot(slotOfQueue('a'), cluster.nodes.find((node) => node !== owner) as ClusterNode);
    await waitForAcknowledged(load, load.acknowledged.size + 100);
    await load.stopProducing();
    await expectKept(load, broker);
    await load.stop();
    await broker.close();
  });

  test('connecting waits for a cluster that is not up yet', async (context) => {
    const cluster = await setUp(context);
    for (const { server } of cluster.nodes) await server.kill();
    const controller = new AbortController();
    const connecting = connect(cluster.url, { signal: controller.signal });
    await untilAsked(cluster.nodes[0]!.server.port);
    await cluster.restart();
    const broker = await connecting;
    await broker.ping();
    await broker.close();
  });

  test('a URL of another kind is refused, and the error names the right one', async ({ onTestFinished }) => {
    const cluster = await startCluster(1);
    onTestFinished(() => cluster.stop());
    await expect(connect(cluster.url.replace('-cluster', ''))).rejects.toMatchObject({
      code: 'broker-refused',
      message: expect.stringContaining('redis-cluster:// is for a cluster'),
    });
  });
});
