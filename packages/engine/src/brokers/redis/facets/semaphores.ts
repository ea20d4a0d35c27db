import type { Semaphores } from '../../../broker/semaphores.ts';
import { semaphoreKey } from '../../../protocol/keys.ts';
import type { RedisParts } from '../parts.ts';
import { semaphoreAcquire } from '../scripts/semaphores/semaphore-acquire.ts';

export function createSemaphores({ connection }: RedisParts): Semaphores {
  return {
    acquire: (call) => connection.run(semaphoreAcquire, call),
    release: async (scope, holder) => (await connection.command(['ZREM', semaphoreKey(scope), holder])) === 1,
  };
}
