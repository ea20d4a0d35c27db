// The semaphores facet on Redis. A scope is a sorted set in the form of Asynq's x/rate: the members are the holders, the
// scores the Unix seconds at which their tokens expire.
import type { AcquireCall, Semaphores } from '../../../broker/semaphores.ts';
import { semaphoreKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { defineScript } from '../scripts/define-script.ts';
import { lua } from '../scripts/lua.generated.ts';

/** Removes expired tokens, then takes one if one is free. Replies with whether the holder has a token. */
const semaphoreAcquire = defineScript({
  lua: lua.semaphoreAcquire,
  keys: ({ scope }: AcquireCall) => ({ semaphore: semaphoreKey(scope) }),
  args: ({ maxTokens, untilMs, holder }) => ({ maxTokens, endS: Math.floor(untilMs / 1_000), holder }),
  reply: (raw) => raw === 1,
});

/** Go programs that use x/rate share these tokens with us. */
export function createSemaphores({ client }: RedisDeps): Semaphores {
  return {
    acquire: (call) => client.run(semaphoreAcquire, call),
    // An expired token stays in the set until the next `acquire`. Until then `release` returns true for it.
    release: async (scope, holder) => (await client.command(['ZREM', semaphoreKey(scope), holder])) === 1,
  };
}
