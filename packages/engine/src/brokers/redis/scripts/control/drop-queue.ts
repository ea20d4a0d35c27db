import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

/** `again`: one call was not enough, call again. */
export type DropReply = 'removed' | 'holds-tasks' | 'again';

export const dropQueue = defineScript({
  name: 'drop-queue',
  lua: lua.dropQueue,
  keys: (queue: string) => [pendingKey(queue)],
  args: () => [],
  reply: (raw): DropReply => (raw === 1 ? 'removed' : raw === 2 ? 'again' : 'holds-tasks'),
});
