import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

/** Replies with the estimated bytes that a queue's tasks take. */
export const memory = defineScript({
  name: 'memory',
  lua: lua.memory,
  keys: (queue: string) => [pendingKey(queue)],
  args: () => [],
  reply: (raw) => raw as number,
});
