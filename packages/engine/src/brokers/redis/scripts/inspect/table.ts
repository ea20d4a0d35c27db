import type { BusinessFilter } from '../../../../broker/inspect.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { defineScript, type QueuesCall } from '../define-script.ts';
import { CODE, lua } from '../lua.generated.ts';
import { textOf, textOrNull } from '../reply.ts';
import { parseTaskRow, type RawRow, type TaskRow } from './task-row.ts';

/** Reads one task; null = no such task. */
export const task = defineScript({
  lua: lua.task,
  keys: ({ queue }: TaskRef) => ({ pending: pendingKey(queue) }),
  args: ({ id }) => ({ id }),
  reply: (raw): TaskRow | null => (raw === null ? null : parseTaskRow(raw as RawRow)),
});

export interface CancelRequestedCall {
  readonly queue: string;
  readonly ids: readonly string[];
}

/** Replies with a flag per ID: whether somebody has asked to cancel the task while it runs. */
export const cancelRequested = defineScript({
  lua: lua.cancelRequested,
  keys: ({ queue }: CancelRequestedCall) => ({ pending: pendingKey(queue) }),
  args: () => ({}),
  moreArgs: ({ ids }, args) => void args.push(...ids),
  reply: (raw) => Array.from(textOf(raw), (code) => code === CODE.done),
});

export interface FindCall extends QueuesCall {
  /** The plain ID. */
  readonly id: string;
  readonly filter: BusinessFilter;
}

/** A stored task whose ID may be the one asked for; the business in its meta decides. */
export interface FoundRow {
  readonly queue: string;
  readonly id: string;
  readonly meta: string | null;
}

/** What a call of `find` has found. */
export interface FindReply {
  /** Number of queues that were searched, from the first on. */
  readonly searched: number;
  readonly rows: readonly FoundRow[];
}

/** Per queue the task without a business comes first, if there is one. */
export const find = defineScript({
  lua: lua.find,
  keys: () => ({}),
  moreKeys: ({ queues }: FindCall) => queues.map(pendingKey),
  args: ({ queues, id, filter }) => {
    const call = { id, queues: queues.length };
    return 'any' in filter
      ? { ...call, withoutBusiness: 1, allBusinesses: 1, business: '' }
      : {
          ...call,
          withoutBusiness: filter.business === null ? 1 : 0,
          allBusinesses: 0,
          business: filter.business ?? '',
        };
  },
  reply: (raw, { queues }): FindReply => {
    const [searched, ...rows] = raw as readonly [number, ...(readonly [number, unknown, unknown])[]];
    return {
      searched,
      rows: rows.map(([position, id, meta]) => ({
        queue: queues[position] as string,
        id: textOf(id),
        meta: textOrNull(meta),
      })),
    };
  },
});

/** Replies with the estimated bytes that a queue's tasks take. */
export const memory = defineScript({
  lua: lua.memory,
  keys: (queue: string) => ({ pending: pendingKey(queue) }),
  args: () => ({}),
  reply: (raw) => raw as number,
});

export interface HaveHeldCall extends QueuesCall {
  readonly businesses: readonly string[];
}

/** Replies for each queue whether it ever held a task of one of the businesses. */
export const haveHeld = defineScript({
  lua: lua.haveHeld,
  keys: () => ({}),
  moreKeys: ({ queues }: HaveHeldCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  moreArgs: ({ businesses }, args) => void args.push(...businesses),
  reply: (raw) => (raw as readonly number[]).map((held) => held === 1),
});

export interface ListPageCall {
  readonly queue: string;
  readonly state: 'pending' | 'active';
  readonly limit: number;
  /** Only tasks of these; empty = of all. */
  readonly businesses: readonly string[];
  /** Null = the first page. */
  readonly after: ListCursor | null;
}

/** The end of a page of a Redis list. */
export interface ListCursor {
  /** Entries up to there, from the right end, when the page was read. */
  readonly passed: number;
  /** The last IDs of the page, newest first. */
  readonly ids: readonly string[];
}

export interface ListPageReply {
  /** IDs in the list, including those of damaged tasks. */
  readonly total: number;
  /** Whether there is a next page. With large messages a page ends before `limit`. */
  readonly more: boolean;
  /** What `after` must be for the next page. */
  readonly last: ListCursor;
  readonly rows: readonly TaskRow[];
  /** IDs that were looked at. */
  readonly scanned: number;
  readonly readMs: number;
}

/** Reads a page of pending or active tasks, oldest first: from the right end of their list to the left. */
export const pageOfList = defineScript({
  lua: lua.pageOfList,
  keys: ({ queue }: ListPageCall) => ({ pending: pendingKey(queue) }),
  args: ({ state, limit, businesses, after }) => ({
    state,
    limit,
    passed: after?.passed ?? 0,
    businessCount: businesses.length,
  }),
  moreArgs: ({ businesses, after }, args) => void args.push(...businesses, ...(after?.ids ?? [])),
  reply: (raw): ListPageReply => {
    const [total, more, passed, ids, rows, scanned, readMs] = raw as readonly [
      number,
      number,
      number,
      unknown[],
      RawRow[],
      number,
      number,
    ];
    return {
      total,
      more: more === 1,
      last: { passed, ids: ids.map(textOf) },
      rows: rows.map(parseTaskRow),
      scanned,
      readMs,
    };
  },
});

/** An entry of a sorted set, after which a page begins. */
export interface SetCursor {
  /** The text from Redis: converted to a number it might lose digits. */
  readonly score: string;
  readonly id: string;
}

export interface SetPageCall {
  readonly queue: string;
  readonly state: 'scheduled' | 'retry' | 'archived' | 'completed' | 'cancelled' | 'aggregating';
  /** For the state `aggregating`: a group's name, or `<group>:<ID>` for an aggregation set. For the others: ''. */
  readonly group: string;
  readonly limit: number;
  /** Only tasks of these; empty = of all. */
  readonly businesses: readonly string[];
  readonly after: SetCursor | null;
}

export interface SetPageReply {
  readonly total: number;
  readonly more: boolean;
  /** What `after` must be for the next page. */
  readonly last: SetCursor;
  readonly rows: readonly TaskRow[];
  /** Entries that were looked at. */
  readonly scanned: number;
  readonly readMs: number;
}

/** Reads a page of the tasks of any other state, or of an aggregation set, lowest score first. */
export const pageOfSet = defineScript({
  lua: lua.pageOfSet,
  keys: ({ queue }: SetPageCall) => ({ pending: pendingKey(queue) }),
  args: ({ state, limit, businesses, after, group }) => ({
    set: state === 'aggregating' ? `g:${group}` : state,
    limit,
    afterScore: after?.score ?? '',
    afterId: after?.id ?? '',
    businessCount: businesses.length,
  }),
  moreArgs: ({ businesses }, args) => void args.push(...businesses),
  reply: (raw): SetPageReply => {
    const [total, more, score, id, rows, scanned, readMs] = raw as readonly [
      number,
      number,
      unknown,
      unknown,
      RawRow[],
      number,
      number,
    ];
    return {
      total,
      more: more === 1,
      last: { score: textOf(score), id: textOf(id) },
      rows: rows.map(parseTaskRow),
      scanned,
      readMs,
    };
  },
});
