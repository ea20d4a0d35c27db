import { rawRedis, type RawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import type { Run } from './run.ts';

/** Opens a plain connection to the single server until the end of the run. */
export async function redisOf(run: Run): Promise<RawRedis> {
  const redis = await rawRedis(run.bed.server.port);
  run.cleanUp(() => redis.close());
  return redis;
}

/** A number from `INFO`, such as `used_memory`. @throws Error where it is missing */
export async function info(redis: RawRedis, name: string): Promise<number> {
  const found = new RegExp(`^${name}:(\\d+)`, 'm').exec(String(await redis.call('INFO', 'everything')));
  if (!found) throw new Error(`INFO has no field ${name}`);
  return Number(found[1]);
}
