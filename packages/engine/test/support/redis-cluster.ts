import { keyOf } from '../../src/brokers/redis/moves.ts';
import { slotOf, SLOTS } from '../../src/brokers/redis/topology/slots.ts';
import { tlsArguments, type Certificates } from './certificates.ts';
import { rawRedis, type RawRedis } from './raw-redis.ts';
import { freePort, startRedis, type RedisServer } from './redis-server.ts';
import { until } from './until.ts';

export interface ClusterNode {
  readonly server: RedisServer;
  readonly raw: RawRedis;
  /** As the cluster calls it. */
  readonly id: string;
  /** The port by which the nodes know it: the one for TLS where they speak TLS. */
  readonly named: number;
}

/** A cluster of masters, of a test's own. */
export interface RedisCluster {
  /** `redis-cluster://…` with all of its first masters; with TLS `rediss-cluster://…`. */
  readonly url: string;
  /** In the order of their slots, a third each at first. */
  readonly nodes: readonly ClusterNode[];
  /** The node that has a slot now. */
  ownerOf(slot: number): Promise<ClusterNode>;
  /** Moves a slot with its keys; `amid` runs while some keys are here and some there. */
  moveSlot(slot: number, to: ClusterNode, amid?: () => Promise<void>): Promise<void>;
  /** Those that were added, in that order. */
  readonly replicas: readonly ClusterNode[];
  /** A replica of the node, caught up with it and known to all; `stop` ends it too. */
  addReplica(of: ClusterNode): Promise<ClusterNode>;
  /** A command where its key is; one without a key on the first node, `KEYS`, `FLUSHALL` and the like on all. */
  call(...args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Starts every node anew, killing it first. */
  restart(): Promise<void>;
  /** Empties every node. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Keys that are moved in one step. */
const PORTION = '50';
const EVERYWHERE = new Set(['KEYS', 'FLUSHALL', 'FLUSHDB', 'SCRIPT', 'CLIENT', 'CONFIG']);

interface StartedNode extends ClusterNode {
  readonly bus: number;
}

async function startNode(args: readonly string[], files?: Certificates): Promise<StartedNode> {
  const bus = await freePort();
  const tlsPort = files === undefined ? null : await freePort();
  const tls =
    files === undefined
      ? []
      : ['--tls-port', String(tlsPort), '--tls-cluster', 'yes', ...tlsArguments(files)];
  const cluster = [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(bus),
    '--cluster-node-timeout',
    '2000',
  ];
  const server = await startRedis({ args: [...cluster, ...tls, ...args] });
  const raw = await rawRedis(server.port);
  return { server, raw, bus, named: tlsPort ?? server.port, id: String(await raw.call('CLUSTER', 'MYID')) };
}

async function join(nodes: readonly StartedNode[]): Promise<void> {
  const [first] = nodes;
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [i, { raw, named, bus }] of nodes.entries()) {
    await raw.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    const last = Math.min(SLOTS, (i + 1) * share) - 1;
    await raw.call('CLUSTER', 'ADDSLOTSRANGE', String(i * share), String(last));
    if (i > 0) await first?.raw.call('CLUSTER', 'MEET', HOST, String(named), String(bus));
  }
  for (const { raw } of nodes) {
    await until(async () => {
      const info = String(await raw.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`);
    });
  }
}

async function moveKeys(slot: string, from: ClusterNode, to: ClusterNode): Promise<boolean> {
  const keys = (await from.raw.call('CLUSTER', 'GETKEYSINSLOT', slot, PORTION)) as string[];
  if (keys.length === 0) return false;
  await from.raw.call('MIGRATE', HOST, String(to.named), '', '0', '5000', 'KEYS', ...keys);
  return true;
}

/**
 * Starts a cluster of so many masters; resolves when all of its slots are served. It dies with this process. With
 * `files` it speaks TLS, too.
 */
export async function startCluster(
  masters = 3,
  args: readonly string[] = [],
  files?: Certificates,
): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: masters }, () => startNode(args, files)));
  await join(nodes);

  async function call(...command: readonly (string | Buffer)[]): Promise<unknown> {
    const word = String(command[0]).toUpperCase();
    if (EVERYWHERE.has(word)) return (await Promise.all(nodes.map(({ raw }) => raw.call(...command)))).flat();
    const key = word.startsWith('EVAL') ? String(command[3]) : keyOf(command);
    const node = key === null ? nodes[0] : await ownerOf(slotOf(key));
    return node?.raw.call(...command);
  }

  async function ownerOf(slot: number): Promise<ClusterNode> {
    const ranges = (await nodes[0]?.raw.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = ranges.find(([start, end]) => start <= slot && slot <= end);
    const node = nodes.find(({ server }) => server.port === range?.[2][1]);
    if (!node) throw new Error(`nobody has the slot ${slot}`);
    return node;
  }

  const replicas: ClusterNode[] = [];
  async function addReplica(of: ClusterNode): Promise<ClusterNode> {
    const replica = await startNode(args, files);
    replicas.push(replica);
    await of.raw.call('CLUSTER', 'MEET', HOST, String(replica.named), String(replica.bus));
    const knows = async ({ raw }: ClusterNode, id: string) =>
      String(await raw.call('CLUSTER', 'NODES')).includes(id);
    await until(() => knows(replica, of.id));
    await replica.raw.call('CLUSTER', 'REPLICATE', of.id);
    await until(async () =>
      String(await replica.raw.call('INFO', 'replication')).includes('master_link_status:up'),
    );
    for (const node of nodes) await until(() => knows(node, replica.id));
    return replica;
  }

  return {
    addReplica,
    replicas,
    url: `${files ? 'rediss' : 'redis'}-cluster://${nodes.map(({ named }) => `${HOST}:${named}`).join(',')}`,
    nodes,
    ownerOf,
    call,
    async restart() {
      await Promise.all(nodes.map(({ server }) => server.restart()));
    },
    async moveSlot(slot, to, amid) {
      const from = await ownerOf(slot);
      const name = String(slot);
      await to.raw.call('CLUSTER', 'SETSLOT', name, 'IMPORTING', from.id);
      await from.raw.call('CLUSTER', 'SETSLOT', name, 'MIGRATING', to.id);
      await moveKeys(name, from, to);
      await amid?.();
      while (await moveKeys(name, from, to));
      // First where it goes to, so that nobody is without it.
      const others = nodes.filter((node) => node !== to && node !== from);
      for (const { raw } of [to, from, ...others]) await raw.call('CLUSTER', 'SETSLOT', name, 'NODE', to.id);
    },
    async flush() {
      await Promise.all(nodes.map(({ raw }) => raw.call('FLUSHALL')));
    },
    async stop() {
      for (const { raw } of [...nodes, ...replicas]) raw.close();
      await Promise.all([...nodes, ...replicas].map(({ server }) => server.stop()));
    },
  };
}
