import type { AcquireCall } from '../../../../broker/semaphores.ts';
import { semaphoreKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

/** Replies with whether the holder has a token. */
export const semaphoreAcquire = defineScript({
  name: 'semaphore-acquire',
  lua: lua.semaphoreAcquire,
  keys: ({ scope }: AcquireCall) => [semaphoreKey(scope)],
  args: ({ maxTokens, untilMs, holder }) => [maxTokens, Math.floor(untilMs / 1_000), holder],
  reply: (raw) => raw === 1,
});
