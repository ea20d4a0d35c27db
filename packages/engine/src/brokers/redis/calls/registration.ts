import type { CallOptions } from '../../../broker/call-options.ts';
import { QUEUES_KEY } from '../../../protocol/keys.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { RedisClient } from '../client/redis-client.ts';

/** How long a broker trusts that a queue is still registered. After this a queue that another process removed is registered again. */
const REGISTERED_MS = 10_000;

/** Asynq's set of all queues. */
export interface Registration {
  /** Adds a queue to the set, each at most every 10 s unless `force` is set. */
  register(queue: string, options?: CallOptions, force?: boolean): Promise<void>;
  /** Removes a queue from the set. With its next task it is registered again. */
  remove(queue: string): Promise<void>;
}

export function createRegistration(client: RedisClient, clock: Pick<Clock, 'monotonicMs'>): Registration {
  const enteredMs = new Map<string, number>();
  return {
    async register(queue, options, force = false) {
      const now = clock.monotonicMs();
      if (!force && now - (enteredMs.get(queue) ?? -Infinity) < REGISTERED_MS) return;
      enteredMs.set(queue, now);
      try {
        await client.command(['SADD', QUEUES_KEY, queue], options);
      } catch (error) {
        enteredMs.delete(queue);
        throw error;
      }
    },
    async remove(queue) {
      await client.command(['SREM', QUEUES_KEY, queue]);
      enteredMs.delete(queue);
    },
  };
}
