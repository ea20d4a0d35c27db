import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';

export interface PresenceIndexCall {
  /** One of Asynq's sets of keys by expiry. */
  readonly set: string;
  /** Until the key expires. */
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
