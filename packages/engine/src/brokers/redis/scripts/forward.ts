import { pendingKey } from '../../../protocol/keys.ts';
import type { Forwarded, Step } from '../../../broker/maintain.ts';
import { defineScript } from '../script.ts';
import { lua } from './lua.generated.ts';
import { refusalIn, textOf, type Refusal } from './reply.ts';

export const forward = defineScript({
  name: 'forward',
  lua: lua.forward,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: ({ limit }) => [limit],
  reply: (raw): Forwarded | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [moved, next, now] = raw as readonly [number, unknown, unknown];
    if (next === null) return { moved, nextDueMs: null, nextInMs: null };
    const nextDueMs = Number(textOf(next));
    return { moved, nextDueMs, nextInMs: Math.max(0, nextDueMs - Number(textOf(now))) };
  },
});
