import { pendingKey } from '../../../../protocol/keys.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

/** What the script has repaired in the indexes of a queue. */
export interface RepairedIndexes {
  readonly recovered: number;
  readonly archived: number;
  readonly renamedKeys: readonly string[];
}

export const repair = defineScript({
  name: 'repair',
  lua: lua.repair,
  keys: ({ queue }: Step) => [pendingKey(queue)],
  args: ({ limit }) => [limit],
  reply: (raw): RepairedIndexes => {
    const [recovered, archived, renamed] = raw as readonly [number, number, unknown[]];
    return { recovered, archived, renamedKeys: renamed.map(textOf) };
  },
});
