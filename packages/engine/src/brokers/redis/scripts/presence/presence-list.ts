import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

/** Replies with the keys that one of Asynq's sets has as alive. */
export const presenceList = defineScript({
  name: 'presence-list',
  lua: lua.presenceList,
  keys: (set: string) => [set],
  args: () => [],
  reply: (raw): string[] => (raw as unknown[]).map(textOf),
});
