import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface IndexCall {
  readonly queue: string;
  /** The list or set. */
  readonly key: string;
  /** The state of its tasks, or `lease`, `due`, `st:cancelled`. */
  readonly name: string;
  /** Where the page begins; '0' = at the start. */
  readonly from: string;
}

export interface IndexPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly next: string;
  /** IDs that seem wrong in this list or set. */
  readonly wrong: readonly string[];
  /** All IDs of the page from the left if it is a list, else empty. */
  readonly ids: readonly string[];
}

/** Reads a page of a list or set of IDs. */
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
