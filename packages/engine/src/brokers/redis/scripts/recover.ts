import { pendingKey } from '../../../protocol/keys.ts';
import type { Recovered, Step } from '../../../broker/maintain.ts';
import { defineScript } from '../script.ts';
import { lua } from './lua.generated.ts';
import { refusalIn, type Refusal } from './reply.ts';

export interface RecoverCall extends Step {
  readonly maxCrashes: number;
}

export const recover = defineScript({
  name: 'recover',
  lua: lua.recover,
  keys: ({ queue }: RecoverCall) => [pendingKey(queue)],
  args: ({ limit, maxCrashes }) => [limit, maxCrashes],
  reply: (raw): Recovered | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, archived] = raw as readonly [number, number];
    return { recovered, archived };
  },
});
