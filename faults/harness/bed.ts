import { connect, type Broker } from '@task-center/engine';
import { rawRedis, type RawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import { startCluster, type RedisCluster } from '../../packages/engine/test/support/redis-cluster.ts';
import {
  startSentinels,
  type SentinelOptions,
  type Sentinels,
} from '../../packages/engine/test/support/redis-sentinels.ts';
import {
  startRedis,
  type RedisOptions,
  type RedisServer,
} from '../../packages/engine/test/support/redis-server.ts';
import { tempFolder } from '../../packages/engine/test/support/temp.ts';

/**
 * Where tasks are kept: `redis` writes nothing to disk, `redis-aof` syncs every write, `redis-everysec` each second;
 * `sentinel` is a master with a replica and three Sentinels, `cluster` three masters with a replica each.
 */
export const DEPLOYMENTS = ['redis', 'redis-aof', 'redis-everysec', 'sentinel', 'cluster', 'sqlite'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

/** A place for tasks with nothing in it yet. What it is not made of throws when it is asked for. */
export interface Bed {
  readonly deployment: Deployment;
  readonly url: string;
  /** One process owns it; no other may look (SQLite). */
  readonly owned: boolean;
  /** The one server of `redis…`; of `sentinel` the first master. */
  readonly server: RedisServer;
  readonly sentinels: Sentinels;
  readonly cluster: RedisCluster;
  /** The path of the SQLite file. */
  readonly file: string;
  /** A connection of the test's own; it goes with the bed. */
  connect(): Promise<Broker>;
  /** A plain connection to the one server; it goes with the bed. */
  raw(): Promise<RawRedis>;
  remove(): Promise<void>;
}

/** Of the servers, where the deployment has any of our making. */
export interface ServerOptions extends RedisOptions, Pick<SentinelOptions, 'proxied'> {}

interface Parts {
  readonly url: string;
  readonly server?: RedisServer;
  readonly sentinels?: Sentinels;
  readonly cluster?: RedisCluster;
  readonly file?: string;
  stop(): Promise<void>;
}

async function single(options: RedisOptions): Promise<Parts> {
  const server = await startRedis(options);
  return { url: server.url, server, stop: () => server.stop() };
}

const MAKERS: Record<Deployment, (servers: ServerOptions) => Promise<Parts>> = {
  redis: single,
  'redis-aof': (redis) => single({ ...redis, appendonly: true }),
  'redis-everysec': (redis) => single({ ...redis, appendonly: 'everysec' }),
  async sentinel({ proxied = false }) {
    const sentinels = await startSentinels({ proxied });
    return { url: sentinels.url, server: sentinels.master, sentinels, stop: () => sentinels.stop() };
  },
  async cluster({ args }) {
    const cluster = await startCluster(3, args);
    for (const node of cluster.nodes) await cluster.addReplica(node);
    return { url: cluster.url, cluster, stop: () => cluster.stop() };
  },
  async sqlite() {
    const folder = await tempFolder();
    const file = folder.file('tasks.db');
    return { url: `sqlite:${file}`, file, stop: () => folder.remove() };
  },
};

export async function makeBed(deployment: Deployment, redis: ServerOptions = {}): Promise<Bed> {
  const { url, stop, ...parts } = await MAKERS[deployment](redis);
  const brokers: Broker[] = [];
  const plains: RawRedis[] = [];

  function part<K extends keyof typeof parts>(name: K): NonNullable<(typeof parts)[K]> {
    const found = parts[name];
    if (found) return found;
    throw new Error(`the deployment ${deployment} has no ${name}`);
  }

  return {
    deployment,
    url,
    owned: deployment === 'sqlite',
    get server() {
      return part('server');
    },
    get sentinels() {
      return part('sentinels');
    },
    get cluster() {
      return part('cluster');
    },
    get file() {
      return part('file');
    },
    async connect() {
      const broker = await connect(url);
      brokers.push(broker);
      return broker;
    },
    async raw() {
      const plain = await rawRedis(part('server').port);
      plains.push(plain);
      return plain;
    },
    async remove() {
      plains.forEach((plain) => plain.close());
      await Promise.all(brokers.map((broker) => broker.close()));
      await stop();
    },
  };
}
