import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface PresenceIndexCall {
  readonly set: string;
  readonly seconds: number;
  readonly key: string;
}

export const presenceIndex = defineScript({
  name: 'presence-index',
  lua: lua.presenceIndex,
  keys: ({ set }: PresenceIndexCall) => [set],
  args: ({ seconds, key }) => [seconds, key],
  reply: () => undefined,
});
