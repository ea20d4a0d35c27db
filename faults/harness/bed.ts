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
 * The kinds of broker. `redis` writes nothing to disk, `redis-aof` syncs every write, `redis-everysec` syncs each second.
 * `sentinel` is a master with a replica and three Sentinels. `cluster` is three masters with a replica each.
 */
export const DEPLOYMENTS = ['redis', 'redis-aof', 'redis-everysec', 'sentinel', 'cluster', 'sqlite'] as const;
export type Deployment = (typeof DEPLOYMENTS)[number];

/** An empty broker with its servers or file. A getter throws when the deployment has no such server or file. */
export interface Bed {
  readonly deployment: Deployment;
  readonly url: string;
  /** Only one process may open it at a time (SQLite). */
  readonly isSingleProcess: boolean;
  /** The single server of `redis…`, or the first master of `sentinel`. */
  readonly server: RedisServer;
  readonly sentinels: Sentinels;
  readonly cluster: RedisCluster;
  /** The path of the SQLite file. */
  readonly file: string;
  /** Opens a broker for the test itself. `remove` closes it. */
  connect(): Promise<Broker>;
  /** Opens a plain connection to `server`. `remove` closes it. */
  raw(): Promise<RawRedis>;
  remove(): Promise<void>;
}

/** Options of the servers that the bed starts; deployments without such an option ignore it. */
export interface ServerOptions extends RedisOptions, Pick<SentinelOptions, 'proxied'> {}

/** What a deployment consists of. */
interface Resources {
  readonly url: string;
  readonly server?: RedisServer;
  readonly sentinels?: Sentinels;
  readonly cluster?: RedisCluster;
  readonly file?: string;
  stop(): Promise<void>;
}

async function single(options: RedisOptions): Promise<Resources> {
  const server = await startRedis(options);
  return { url: server.url, server, stop: () => server.stop() };
}

const MAKERS: Record<Deployment, (servers: ServerOptions) => Promise<Resources>> = {
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
  const { url, stop, ...resources } = await MAKERS[deployment](redis);
  const brokers: Broker[] = [];
  const plains: RawRedis[] = [];

  function resource<K extends keyof typeof resources>(name: K): NonNullable<(typeof resources)[K]> {
    const found = resources[name];
    if (found) return found;
    throw new Error(`the deployment ${deployment} has no ${name}`);
  }

  return {
    deployment,
    url,
    isSingleProcess: deployment === 'sqlite',
    get server() {
      return resource('server');
    },
    get sentinels() {
      return resource('sentinels');
    },
    get cluster() {
      return resource('cluster');
    },
    get file() {
      return resource('file');
    },
    async connect() {
      const broker = await connect(url);
      brokers.push(broker);
      return broker;
    },
    async raw() {
      const plain = await rawRedis(resource('server').port);
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
