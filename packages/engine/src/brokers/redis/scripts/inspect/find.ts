import type { BusinessFilter } from '../../../../broker/inspect.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf, textOrNull } from '../reply.ts';

export interface FindCall {
  readonly queue: string;
  /** The plain ID. */
  readonly id: string;
  readonly filter: BusinessFilter;
}

/** A stored task whose ID may be the one asked for; the business in its meta decides. */
export interface FoundRow {
  readonly id: string;
  readonly meta: string | null;
}

export const find = defineScript({
  name: 'find',
  lua: lua.find,
  keys: ({ queue }: FindCall) => [pendingKey(queue)],
  args: ({ id, filter }) =>
    'any' in filter ? [id, 1, 1, ''] : [id, filter.business === null ? 1 : 0, 0, filter.business ?? ''],
  reply: (raw): FoundRow[] =>
    (raw as readonly (readonly [unknown, unknown])[]).map(([id, meta]) => ({
      id: textOf(id),
      meta: textOrNull(meta),
    })),
});
