import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { ClusterTopology } from '../../../src/brokers/redis/client/topology/cluster.ts';
import { parseRedisUrl } from '../../../src/brokers/redis/client/url.ts';
import { createRuntime } from '../../../src/runtime/runtime.ts';
import { commandReader } from '../../support/resp-commands.ts';

const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;

/**
 * Starts a node that says that one master has all slots. `info` is its reply to CLUSTER INFO. Resolves to its port.
 */
async function startNode(masterPort: number, info: string): Promise<number> {
  const replies: Record<string, string> = {
    HELLO: `%1\r\n${bulk('server')}${bulk('redis')}`,
    SLOTS: `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n${bulk('127.0.0.1')}:${masterPort}\r\n`,
    INFO: info,
  };
  const server = createServer((socket) => {
    const read = commandReader(({ name, args }) => {
      const command = name === 'CLUSTER' ? String(args[1]).toUpperCase() : name;
      socket.write(replies[command] ?? '+OK\r\n');
    });
    socket.on('data', read).on('error', () => {});
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

/** The owner of a key by the map that these nodes give. */
async function ownerBy(ports: readonly number[]): Promise<string | null> {
  const url = `redis-cluster://${ports.map((port) => `127.0.0.1:${port}`).join(',')}`;
  const topology = new ClusterTopology(parseRedisUrl(url), createRuntime());
  onTestFinished(() => topology.close());
  await topology.refresh();
  return topology.nodeOf('key');
}

const OK = bulk('cluster_state:ok\r\ncluster_slots_assigned:16384\r\n');
const CUT_OFF = bulk('cluster_state:fail\r\ncluster_slots_assigned:16384\r\n');

test('a node that is cut off from its cluster is not believed if another one is in touch', async () => {
  const ports = [await startNode(1_111, CUT_OFF), await startNode(2_222, OK)];
  expect(await ownerBy(ports)).toBe('127.0.0.1:2222');
});

test('a node that is cut off is believed if all others are cut off, too', async () => {
  expect(await ownerBy([await startNode(1_111, CUT_OFF), await startNode(2_222, CUT_OFF)])).toBe(
    '127.0.0.1:1111',
  );
});

test('a node that does not show its state to this user is believed', async () => {
  const refusal = '-NOPERM this user has no permissions\r\n';
  expect(await ownerBy([await startNode(1_111, refusal), await startNode(2_222, OK)])).toBe('127.0.0.1:1111');
});
