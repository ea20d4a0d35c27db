import type { Consume, EarlyResult } from '../../../broker/consume.ts';
import { asBuffer } from '../../../protocol/wire.ts';
import type { RedisClient, RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { extend, keepResults } from '../scripts/consume/table.ts';
import { askInBatches, type BatchRules } from '../calls/batches.ts';

/** Renews leases. A renewal needs no receipt: if it arrives twice, the lease only lasts longer. */
export function createExtend(client: RedisClient, options?: RunOptions): Consume['extend'] {
  return (leases, lengthMs) =>
    askInBatches(leases, { queueOf: ({ queue }) => queue }, (queue, batch) =>
      client.run(extend, { queue, leases: batch, lengthMs }, options),
    );
}

/** Stores results early. They need no receipt: the lease fences them, and writing one twice changes nothing. */
export function createKeepResults({ client }: RedisDeps): Consume['keepResults'] {
  const rules: BatchRules<EarlyResult> = {
    queueOf: ({ task }) => task.queue,
    sizeOf: ({ result }) => result.length,
  };
  return (results) =>
    askInBatches(results, rules, (queue, batch) =>
      client.run(keepResults, {
        queue,
        results: batch.map(({ task: { id, token }, result }) => ({ id, token, bytes: asBuffer(result) })),
      }),
    );
}
