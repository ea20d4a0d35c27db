import type { Step } from '../../../../broker/maintain.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, type Refusal } from '../reply.ts';

/** Replies with the number of tasks put back into their groups. */
export const groupReclaim = defineScript({
  name: 'group-reclaim',
  lua: lua.groupReclaim,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: ({ limit }) => [limit],
  reply: (raw): number | Refusal => refusalIn(raw) ?? Number(raw),
});
