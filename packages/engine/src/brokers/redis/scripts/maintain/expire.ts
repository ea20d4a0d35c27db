import { pendingKey } from '../../../../protocol/keys.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, type Refusal } from '../reply.ts';

/** Replies with the number of tasks removed. */
export const expire = defineScript({
  name: 'expire',
  lua: lua.expire,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: ({ limit }) => [limit],
  reply: (raw): number | Refusal => refusalIn(raw) ?? (raw as number),
});
