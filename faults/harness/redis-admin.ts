import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import { until } from './history.ts';

/** Sends one command on a new connection. */
export async function sendCommand(port: number, ...command: readonly string[]): Promise<unknown> {
  const raw = await rawRedis(port);
  try {
    return await raw.call(...command);
  } finally {
    raw.close();
  }
}

/** A number from `INFO`, such as `total_connections_received`; 0 where it is missing. */
export async function infoOf(port: number, name: string): Promise<number> {
  const text = String(await sendCommand(port, 'INFO', 'everything'));
  return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Resolves when the server is a replica whose link to its master is up. */
export async function followsAgain(port: number): Promise<void> {
  const holds = async () =>
    /role:slave[^]*master_link_status:up/.test(String(await sendCommand(port, 'INFO', 'replication')));
  await until(holds, { what: `the server at ${port} is a connected replica`, limitMs: 60_000 });
}

/** The number of script calls that the server has executed. */
export async function scriptsRun(port: number): Promise<number> {
  const text = String(await sendCommand(port, 'INFO', 'commandstats'));
  const counts = Array.from(text.matchAll(/^cmdstat_eval(?:sha)?(?:_ro)?:calls=(\d+)/gm), ([, calls]) =>
    Number(calls),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
