import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface IndexCall {
  readonly queue: string;
  /** The list or set. */
  readonly key: string;
  /** What the script knows it by. */
  readonly name: string;
  readonly from: string;
}

export interface IndexPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly next: string;
  /** IDs that seem wrong there. */
  readonly wrong: readonly string[];
  /** Of a list: all, from the left. */
  readonly ids: readonly string[];
}

export const checkIndex = defineScript({
  name: 'check-index',
  lua: lua.checkIndex,
  keys: ({ queue, key }: IndexCall) => [pendingKey(queue), key],
  args: ({ name, from }) => [name, from],
  reply(raw): IndexPage {
    const [next, wrong, ids] = raw as readonly [unknown, unknown[], unknown[]];
    return { next: textOf(next), wrong: wrong.map(textOf), ids: ids.map(textOf) };
  },
});
