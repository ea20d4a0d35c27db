import type { AcquireCall, Semaphores } from '../../../broker/semaphores.ts';
import { semaphoreKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

/** Replies with whether the holder has a token. */
const semaphoreAcquire = defineScript({
  lua: lua.semaphoreAcquire,
  keys: ({ scope }: AcquireCall) => ({ semaphore: semaphoreKey(scope) }),
  args: ({ maxTokens, untilMs, holder }) => ({ maxTokens, endS: Math.floor(untilMs / 1_000), holder }),
  reply: (raw) => raw === 1,
});

/** Semaphores in the zsets of Asynq's x/rate. */
export function createSemaphores({ client }: RedisDeps): Semaphores {
  return {
    acquire: (call) => client.run(semaphoreAcquire, call),
    release: async (scope, holder) => (await client.command(['ZREM', semaphoreKey(scope), holder])) === 1,
  };
}
