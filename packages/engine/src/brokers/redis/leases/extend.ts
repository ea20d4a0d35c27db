import type { Consume, EarlyResult } from '../../../broker/consume.ts';
import { asBuffer } from '../../../protocol/wire.ts';
import type { RedisClient, RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { extend } from '../scripts/consume/extend.ts';
import { keepResults } from '../scripts/consume/keep-results.ts';
import { flagsOf, type HowToBatch } from '../calls/batch-by-queue.ts';

/** Renewals need no receipt: one that comes twice only lasts longer. */
export function createExtend(connection: RedisClient, options?: RunOptions): Consume['extend'] {
  return (leases, lengthMs) =>
    flagsOf(leases, { queueOf: ({ queue }) => queue }, (queue, some) =>
      connection.run(extend, { queue, leases: some, lengthMs }, options),
    );
}
/** Nor do results: the lease fences them, and one that is written twice is the same. */
export function createKeepResults({ client }: RedisDeps): Consume['keepResults'] {
  const how: HowToBatch<EarlyResult> = {
    queueOf: ({ task }) => task.queue,
    sizeOf: ({ result }) => result.length,
  };
  return (results) =>
    flagsOf(results, how, (queue, some) =>
      client.run(keepResults, {
        queue,
        results: some.map(({ task: { id, token }, result }) => ({ id, token, result: asBuffer(result) })),
      }),
    );
}
