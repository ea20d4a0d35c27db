import type { Semaphores } from '../../../broker/semaphores.ts';
import { semaphoreKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { semaphoreAcquire } from '../scripts/semaphores/semaphore-acquire.ts';

/** Semaphores in the zsets of Asynq's x/rate. */
export function createSemaphores({ client }: RedisDeps): Semaphores {
  return {
    acquire: (call) => client.run(semaphoreAcquire, call),
    release: async (scope, holder) => (await client.command(['ZREM', semaphoreKey(scope), holder])) === 1,
  };
}
