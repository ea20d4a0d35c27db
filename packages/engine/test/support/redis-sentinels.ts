import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { rawRedis } from './raw-redis.ts';
import { startRedis, startSentinelServer, type RedisServer } from './redis-server.ts';
import { until } from './until.ts';

/** A master, a replica and three Sentinels, of a test's own. */
export interface Sentinels {
  /** `redis-sentinel://…` with all of them. */
  readonly url: string;
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** All but direct clients reach the first master through it; null unless that was asked for. */
  readonly proxy: FaultProxy | null;
  /** The port of the server that the Sentinels call the master. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  /** Of the servers. */
  readonly password?: string;
  /** Of the Sentinels. */
  readonly sentinelPassword?: string;
  /** Whether everybody knows the first master by the address of a proxy, so that it can be cut off. Default false. */
  readonly proxied?: boolean;
}

const NAME = 'tasks';

async function asked(port: number, password: string | undefined, ...args: string[]): Promise<unknown> {
  const raw = await rawRedis(port, password);
  try {
    return await raw.call(...args);
  } finally {
    raw.close();
  }
}

/** Resolves when the replica follows and each Sentinel knows everybody. They die with this process. */
export async function startSentinels({
  password,
  sentinelPassword,
  proxied = false,
}: SentinelOptions = {}): Promise<Sentinels> {
  const auth = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
  const master = await startRedis({ args: auth });
  const proxy = proxied ? await startFaultProxy(master.port) : null;
  const masterAt = proxy ? new URL(proxy.url).port : String(master.port);
  const follow = ['--replicaof', '127.0.0.1', masterAt];
  const replica = await startRedis({ args: [...auth, ...follow, '--repl-diskless-sync-delay', '0'] });
  const lines = [
    `sentinel monitor ${NAME} 127.0.0.1 ${masterAt} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    `sentinel failover-timeout ${NAME} 5000`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${NAME} ${password}`]),
    ...(sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`]),
  ];
  const sentinels = await Promise.all(Array.from({ length: 3 }, () => startSentinelServer(lines)));
  await until(async () =>
    String(await asked(replica.port, password, 'INFO', 'replication')).includes('master_link_status:up'),
  );
  for (const { port } of sentinels) {
    await until(async () => {
      const facts = (await asked(port, sentinelPassword, 'SENTINEL', 'MASTER', NAME)) as Record<
        string,
        string
      >;
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
      const [, found] = (await asked(
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
