import { pendingKey } from '../../../protocol/keys.ts';
import { defineScript } from '../script.ts';
import { lua } from './lua.generated.ts';

export const dropQueue = defineScript({
  name: 'drop-queue',
  lua: lua.dropQueue,
  keys: (queue: string) => [pendingKey(queue)],
  args: () => [],
  reply: (raw) => raw === 1,
});
