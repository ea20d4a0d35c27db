import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';
import { parseTaskRow, type RawRow, type TaskRow } from './task-row.ts';

/** An entry of a sorted set, after which a page begins. */
export interface SetCursor {
  readonly score: string;
  readonly id: string;
}

export interface SetPageCall {
  readonly queue: string;
  readonly state: 'scheduled' | 'retry' | 'archived' | 'completed' | 'cancelled' | 'aggregating';
  /** For `aggregating` only. */
  readonly group: string;
  readonly limit: number;
  readonly after: SetCursor | null;
}

export interface SetPageReply {
  readonly total: number;
  readonly more: boolean;
  readonly last: SetCursor;
  readonly rows: readonly TaskRow[];
}

export const pageOfSet = defineScript({
  name: 'page-of-set',
  lua: lua.pageOfSet,
  keys: ({ queue }: SetPageCall) => [pendingKey(queue)],
  args: ({ state, limit, after, group }) => [
    state === 'aggregating' ? `g:${group}` : state,
    limit,
    after?.score ?? '',
    after?.id ?? '',
  ],
  reply: (raw): SetPageReply => {
    const [total, more, score, id, rows] = raw as readonly [number, number, unknown, unknown, RawRow[]];
    return {
      total,
      more: more === 1,
      last: { score: textOf(score), id: textOf(id) },
      rows: rows.map(parseTaskRow),
    };
  },
});
