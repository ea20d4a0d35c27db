import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';
import { parseTaskRow, type RawRow, type TaskRow } from './task-row.ts';

export interface ListPageCall {
  readonly queue: string;
  readonly state: 'pending' | 'active';
  readonly limit: number;
  /** Last IDs of the previous page, newest first; empty = the first page. */
  readonly after: readonly string[];
}

export interface ListPageReply {
  readonly total: number;
  readonly more: boolean;
  /** What `after` must be for the next page. */
  readonly last: readonly string[];
  readonly rows: readonly TaskRow[];
}

export const pageOfList = defineScript({
  name: 'page-of-list',
  lua: lua.pageOfList,
  keys: ({ queue }: ListPageCall) => [pendingKey(queue)],
  args: ({ state, limit, after }) => [state, limit, ...after],
  reply: (raw): ListPageReply => {
    const [total, more, last, rows] = raw as readonly [number, number, unknown[], RawRow[]];
    return { total, more: more === 1, last: last.map(textOf), rows: rows.map(parseTaskRow) };
  },
});
