import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';
import { rowOf, type RawRow, type TaskRow } from './task-row.ts';

export interface ListLineCall {
  readonly queue: string;
  readonly state: 'pending' | 'active';
  readonly limit: number;
  /** Last IDs of the page before, newest first. */
  readonly after: readonly string[];
}

export interface ListLineReply {
  readonly total: number;
  readonly more: boolean;
  readonly last: readonly string[];
  readonly rows: readonly TaskRow[];
}

export const listLine = defineScript({
  name: 'list-line',
  lua: lua.listLine,
  keys: ({ queue }: ListLineCall) => [pendingKey(queue)],
  args: ({ state, limit, after }) => [state, limit, ...after],
  reply: (raw): ListLineReply => {
    const [total, more, last, rows] = raw as readonly [number, number, unknown[], RawRow[]];
    return { total, more: more === 1, last: last.map(textOf), rows: rows.map(rowOf) };
  },
});
