import { pendingKey } from '../../../../protocol/keys.ts';
import type { Forwarded, Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { quarantinedIn, refusalIn, textOf, type Refusal } from '../reply.ts';

/** Replies with how many tasks were moved, and when the next one is due. */
export const forward = defineScript({
  name: 'forward',
  lua: lua.forward,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: ({ limit }) => [limit],
  reply: (raw): Forwarded | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [moved, next, now, dropped] = raw as readonly [number, unknown, unknown, unknown[]];
    if (next === null) return { moved, nextDueMs: null, nextInMs: null, ...quarantinedIn(dropped) };
    const nextDueMs = Number(textOf(next));
    const nextInMs = Math.max(0, nextDueMs - Number(textOf(now)));
    return { moved, nextDueMs, nextInMs, ...quarantinedIn(dropped) };
  },
});
