import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { rawRedis } from './raw-redis.ts';
import { startRedis, startSentinelServer, type RedisServer } from './redis-server.ts';
import { until } from './until.ts';

/** A master, a replica and three Sentinels that a test has to itself. */
export interface Sentinels {
  /** `redis-sentinel://…` with all three Sentinels. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** The proxy in front of the first master; null unless `proxied`. */
  readonly proxy: FaultProxy | null;
  /** The port of the current master, as the Sentinels say. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  /** Password of the master and the replica. */
  readonly password?: string;
  /** Password of the Sentinels. */
  readonly sentinelPassword?: string;
  /** Whether a proxy is in front of the first master, also for the Sentinels: it can cut the master off. Default false. */
  readonly proxied?: boolean;
}

const NAME = 'tasks';
/**
 * How often Sentinels ask the servers, and announce themselves, ms. By default 10 s and 2 s: until a replica is known, or an
 * old master is made one, a test would wait for a multiple of that.
 */
const PERIODS = ['INFO-PERIOD', '1000', 'PUBLISH-PERIOD', '500'];

/** Sends one command over a connection of its own. */
async function ask(port: number, password: string | undefined, ...args: string[]): Promise<unknown> {
  const raw = await rawRedis(port, password);
  try {
    return await raw.call(...args);
  } finally {
    raw.close();
  }
}

/**
 * Starts the servers; resolves when the replica has caught up and each Sentinel knows all others. They die with this
 * process.
 */
export async function startSentinels({
  password,
  sentinelPassword,
  proxied = false,
}: SentinelOptions = {}): Promise<Sentinels> {
  const auth = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const master = await startRedis({ args: auth });
  const proxy = proxied ? await startFaultProxy(master.port) : null;
  const masterPort = proxy ? new URL(proxy.url).port : String(master.port);
  const follow = ['--replicaof', '127.0.0.1', masterPort];
  const replica = await startRedis({ args: [...auth, ...follow, '--repl-diskless-sync-delay', '0'] });
  const lines = [
    `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 5000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
    ...(sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`]),
  ];
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startSentinelServer(lines)));
  await Promise.all(
    sentinels.map(({ port }) => ask(port, sentinelPassword, 'SENTINEL', 'DEBUG', ...PERIODS)),
  );
  await until(async () =>
    String(await ask(replica.port, password, 'INFO', 'replication')).includes('master_link_status:up'),
  );
  for (const { port } of sentinels) {
    await until(async () => {
      const facts = (await ask(port, sentinelPassword, 'SENTINEL', 'MASTER', NAME)) as Record<string, string>;
      return facts['num-other-sentinels'] === '2' && facts['num-slaves'] === '1';
    });
  }
  const login = sentinelPassword === undefined ? '' : `:${sentinelPassword}@`;
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return {
    url: `redis-sentinel://${login}${hosts}?master=${NAME}`,
    master,
    replica,
    sentinels,
    proxy,
    async masterPort() {
      const port = sentinels[0]?.port ?? 0;
      const [, found] = (await ask(
        port,
        sentinelPassword,
        'SENTINEL',
        'GET-MASTER-ADDR-BY-NAME',
        NAME,
      )) as string[];
      return Number(found);
    },
    async stop() {
      await Promise.all([master, replica, ...sentinels].map((server) => server.stop()));
      await proxy?.close();
    },
  };
}
