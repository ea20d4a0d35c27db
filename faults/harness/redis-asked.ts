import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import { until } from './history.ts';

/** Sends a command on a connection of its own. */
export async function asked(port: number, ...command: readonly string[]): Promise<unknown> {
  const raw = await rawRedis(port);
  try {
    return await raw.call(...command);
  } finally {
    raw.close();
  }
}

/** A number that `INFO` tells, such as `total_connections_received`; 0 where it does not. */
export async function infoOf(port: number, name: string): Promise<number> {
  const text = String(await asked(port, 'INFO', 'everything'));
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Resolves when the server follows a master and has caught up. */
export async function followsAgain(port: number): Promise<void> {
  const holds = async () =>
    /role:slave[^]*master_link_status:up/.test(String(await asked(port, 'INFO', 'replication')));
  await until(holds, { what: `the server at ${port} is a replica that follows`, limitMs: 60_000 });
}

/** Scripts that the server was made to run. */
export async function scriptsRun(port: number): Promise<number> {
  const text = String(await asked(port, 'INFO', 'commandstats'));
  const counts = Array.from(text.matchAll(/^cmdstat_eval(?:sha)?(?:_ro)?:calls=(\d+)/gm), ([, calls]) =>
    Number(calls),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
