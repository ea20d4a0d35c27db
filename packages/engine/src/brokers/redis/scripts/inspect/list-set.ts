import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';
import { rowOf, type RawRow, type TaskRow } from './task-row.ts';

/** An entry's place in a sorted set. */
export interface SetPlace {
  readonly score: string;
  readonly id: string;
}

export interface ListSetCall {
  readonly queue: string;
  readonly state: 'scheduled' | 'retry' | 'archived' | 'completed' | 'cancelled' | 'aggregating';
  /** With `aggregating` only. */
  readonly group: string;
  readonly limit: number;
  readonly after: SetPlace | null;
}

export interface ListSetReply {
  readonly total: number;
  readonly more: boolean;
  readonly last: SetPlace;
  readonly rows: readonly TaskRow[];
}

export const listSet = defineScript({
  name: 'list-set',
  lua: lua.listSet,
  keys: ({ queue }: ListSetCall) => [pendingKey(queue)],
  args: ({ state, limit, after, group }) => [
    state === 'aggregating' ? `g:${group}` : state,
    limit,
    after?.score ?? '',
    after?.id ?? '',
  ],
  reply: (raw): ListSetReply => {
    const [total, more, score, id, rows] = raw as readonly [number, number, unknown, unknown, RawRow[]];
    return {
      total,
      more: more === 1,
      last: { score: textOf(score), id: textOf(id) },
      rows: rows.map(rowOf),
    };
  },
});
