import { rawRedis, type RawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import type { Run } from './run.ts';

/** A plain connection to the one server; it goes with the run. */
export async function redisOf(run: Run): Promise<RawRedis> {
  const redis = await rawRedis(run.bed.server.port);
  run.cleanUp(() => redis.close());
  return redis;
}

/** A number out of `INFO`, such as `used_memory`. */
export async function info(redis: RawRedis, name: string): Promise<number> {
  const found = new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await redis.call('INFO', 'everything')));
  if (!found) throw new Error(`INFO tells no ${name}`);
  return Number(found[1]);
}
