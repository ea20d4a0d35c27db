import { firstKeyOf } from '../../src/brokers/redis/client/redirects.ts';
import { slotOf, SLOTS } from '../../src/brokers/redis/client/topology/slots.ts';
import { tlsArguments, type Certificates } from './certificates.ts';
import { rawRedis, type RawRedis } from './raw-redis.ts';
import { freePort, startRedis, type RedisServer } from './redis-server.ts';
import { until } from './until.ts';

export interface ClusterNode {
  readonly server: RedisServer;
  readonly raw: RawRedis;
  /** Its node ID in the cluster. */
  readonly id: string;
  /** The port that the other nodes announce to clients: the TLS port in a cluster that speaks TLS. */
  readonly announcedPort: number;
}

/** A cluster that a test has to itself. */
export interface RedisCluster {
  /** `redis-cluster://…` with all initial masters; with TLS `rediss-cluster://…`. */
  readonly url: string;
  /** The initial masters, in the order of their slots; at first each has an equal share. */
  readonly nodes: readonly ClusterNode[];
  /** The node that has a slot now. */
  ownerOf(slot: number): Promise<ClusterNode>;
  /** The first of the queues `q0`, `q1` and so on that the node has now. */
  queueOn(node: ClusterNode): Promise<string>;
  /** Moves a slot with its keys. `duringMove` runs while some keys are on the old node and some on the new one. */
  moveSlot(slot: number, to: ClusterNode, duringMove?: () => Promise<void>): Promise<void>;
  /** The replicas that were added, in that order. */
  readonly replicas: readonly ClusterNode[];
  /** Adds a replica of the node; resolves when it has caught up and all nodes know it. `stop` ends it, too. */
  addReplica(of: ClusterNode): Promise<ClusterNode>;
  /** Runs a command on the node of its key, or on the first node; `KEYS`, `FLUSHALL` and the like on all nodes. */
  call(...args: readonly (string | Buffer)[]): Promise<unknown>;
  /** Kills every node and starts it again. */
  restart(): Promise<void>;
  /** Empties every node. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Keys moved by one MIGRATE. */
const MIGRATE_COUNT = '50';
const EVERYWHERE = new Set(['KEYS', 'FLUSHALL', 'FLUSHDB', 'SCRIPT', 'CLIENT', 'CONFIG']);

interface StartedNode extends ClusterNode {
  readonly busPort: number;
}

async function startNode(args: readonly string[], files?: Certificates): Promise<StartedNode> {
  const busPort = await freePort();
  const tlsPort = files === undefined ? null : await freePort();
  const tls =
    files === undefined
      ? []
      : ['--tls-port', String(tlsPort), '--tls-cluster', 'yes', ...tlsArguments(files)];
  const cluster = [
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(busPort),
    '--cluster-node-timeout',
    '2000',
  ];
  const server = await startRedis({ args: [...cluster, ...tls, ...args] });
  const raw = await rawRedis(server.port);
  return {
    server,
    raw,
    busPort,
    announcedPort: tlsPort ?? server.port,
    id: String(await raw.call('CLUSTER', 'MYID')),
  };
}

async function join(nodes: readonly StartedNode[]): Promise<void> {
  const [first] = nodes;
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [i, { raw, announcedPort, busPort }] of nodes.entries()) {
    await raw.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    const last = Math.min(SLOTS, (i + 1) * share) - 1;
    await raw.call('CLUSTER', 'ADDSLOTSRANGE', String(i * share), String(last));
    if (i > 0) await first?.raw.call('CLUSTER', 'MEET', HOST, String(announcedPort), String(busPort));
  }
  for (const { raw } of nodes) {
    await until(async () => {
      const info = String(await raw.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`);
    });
  }
}

async function moveKeys(slot: string, from: ClusterNode, to: ClusterNode): Promise<boolean> {
  const keys = (await from.raw.call('CLUSTER', 'GETKEYSINSLOT', slot, MIGRATE_COUNT)) as string[];
  if (keys.length === 0) return false;
  await from.raw.call('MIGRATE', HOST, String(to.announcedPort), '', '0', '5000', 'KEYS', ...keys);
  return true;
}

/** What a node says about another: ID, address, flags, its master's ID and so on; empty while it does not know it. */
async function viewOf({ raw }: ClusterNode, { id }: ClusterNode): Promise<string> {
  const lines = String(await raw.call('CLUSTER', 'NODES')).split('\n');
  return lines.find((line) => line.startsWith(id)) ?? '';
}

/** Whether a node has a connection to another one, with which it has shaken hands. */
async function knows(node: ClusterNode, other: ClusterNode): Promise<boolean> {
  const view = await viewOf(node, other);
  return / connected/.test(view) && !view.includes('handshake');
}

/**
 * Starts a cluster; resolves when all of its slots are served. It dies with this process. With `files` it speaks TLS.
 */
export async function startCluster(
  masters = 3,
  args: readonly string[] = [],
  files?: Certificates,
): Promise<RedisCluster> {
  const nodes = await Promise.all(Array.from({ length: masters }, () => startNode(args, files)));
  await join(nodes);

  async function call(...command: readonly (string | Buffer)[]): Promise<unknown> {
    const name = String(command[0]).toUpperCase();
    if (EVERYWHERE.has(name)) return (await Promise.all(nodes.map(({ raw }) => raw.call(...command)))).flat();
    const key = name.startsWith('EVAL') ? String(command[3]) : firstKeyOf(command);
    const node = key === null ? nodes[0] : await ownerOf(slotOf(key));
    return node?.raw.call(...command);
  }

  async function ownerOf(slot: number): Promise<ClusterNode> {
    const ranges = (await nodes[0]?.raw.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    const range = ranges.find(([start, end]) => start <= slot && slot <= end);
    const node = nodes.find(({ server }) => server.port === range?.[2][1]);
    if (!node) throw new Error(`no node has the slot ${slot}`);
    return node;
  }

  async function queueOn(node: ClusterNode): Promise<string> {
    for (let i = 0; ; i += 1) if ((await ownerOf(slotOf(`asynq:{q${i}}:pending`))) === node) return `q${i}`;
  }

  const replicas: ClusterNode[] = [];
  async function addReplica(of: ClusterNode): Promise<ClusterNode> {
    const replica = await startNode(args, files);
    replicas.push(replica);
    await of.raw.call('CLUSTER', 'MEET', HOST, String(replica.announcedPort), String(replica.busPort));
    await until(() => knows(replica, of));
    await replica.raw.call('CLUSTER', 'REPLICATE', of.id);
    await until(async () =>
      String(await replica.raw.call('INFO', 'replication')).includes('master_link_status:up'),
    );
    // Only those that know each other take part in an election: the replica, too, must know all that vote.
    const all = [...nodes, ...replicas];
    for (const node of all) for (const other of all) await until(() => knows(node, other));
    for (const node of nodes) await until(async () => (await viewOf(node, replica)).includes(of.id));
    return replica;
  }

  return {
    addReplica,
    replicas,
    url: `${files ? 'rediss' : 'redis'}-cluster://${nodes.map(({ announcedPort }) => `${HOST}:${announcedPort}`).join(',')}`,
    nodes,
    ownerOf,
    queueOn,
    call,
    async restart() {
      await Promise.all(nodes.map(({ server }) => server.restart()));
    },
    async moveSlot(slot, to, duringMove) {
      const from = await ownerOf(slot);
      const slotText = String(slot);
      await to.raw.call('CLUSTER', 'SETSLOT', slotText, 'IMPORTING', from.id);
      await from.raw.call('CLUSTER', 'SETSLOT', slotText, 'MIGRATING', to.id);
      await moveKeys(slotText, from, to);
      await duringMove?.();
      while (await moveKeys(slotText, from, to));
      // The new node first: at every moment a node serves the slot.
      const others = nodes.filter((node) => node !== to && node !== from);
      for (const { raw } of [to, from, ...others])
        await raw.call('CLUSTER', 'SETSLOT', slotText, 'NODE', to.id);
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
