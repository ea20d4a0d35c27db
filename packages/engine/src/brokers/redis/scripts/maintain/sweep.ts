import { pendingKey } from '../../../../protocol/keys.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';

export interface Swept {
  readonly recovered: number;
  readonly locks: number;
  readonly groups: number;
  readonly renamedKeys: readonly string[];
}

export const sweep = defineScript({
  name: 'sweep',
  lua: lua.sweep,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: () => [],
  reply: (raw): Swept | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, locks, groups, aside] = raw as readonly [number, number, number, unknown[]];
    return { recovered, locks, groups, renamedKeys: aside.map(textOf) };
  },
});
