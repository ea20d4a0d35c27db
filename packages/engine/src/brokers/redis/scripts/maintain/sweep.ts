import { pendingKey } from '../../../../protocol/keys.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';

/** What the script has repaired among the keys of a queue. */
export interface SweepReply {
  readonly recovered: number;
  /** Unique locks released. */
  readonly locks: number;
  /** Groups added to `groups` again. */
  readonly groups: number;
  readonly renamedKeys: readonly string[];
}

export const sweep = defineScript({
  name: 'sweep',
  lua: lua.sweep,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: () => [],
  reply: (raw): SweepReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, locks, groups, renamed] = raw as readonly [number, number, number, unknown[]];
    return { recovered, locks, groups, renamedKeys: renamed.map(textOf) };
  },
});
