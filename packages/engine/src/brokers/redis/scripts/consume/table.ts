import { leaseKey, pendingKey, taskKey } from '../../../../protocol/keys.ts';
import { MAX_KEPT_LINES, MAX_KEPT_LOG_BYTES } from '../../../../task/task-notes.ts';
import type { RedisArg } from '../../client/script.ts';
import { defineScript, type QueuesCall } from '../define-script.ts';
import { CODE, lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface ExtendCall {
  readonly queue: string;
  /** `token` distinguishes the attempt's lease from leases of other attempts of the same task. */
  readonly leases: readonly { readonly id: string; readonly token: number }[];
  /** How long the leases last from now, by the broker's clock. Their end is stored in whole seconds, rounded up. */
  readonly lengthMs: number;
}

/** Replies with a flag per lease: whether it was renewed. False = it is lost. */
export const extend = defineScript({
  lua: lua.extend,
  keys: ({ queue }: ExtendCall) => ({ lease: leaseKey(queue) }),
  args: ({ lengthMs }) => ({ lengthMs }),
  moreArgs: ({ leases }, args) => {
    for (const lease of leases) lua.extend.records.lease(args, lease);
  },
  reply: (raw) => Array.from(textOf(raw), (code) => code === CODE.done),
});

export interface MarkAloneCall {
  readonly queue: string;
  readonly id: string;
  /** Of the lease under which the task runs. */
  readonly token: number;
  readonly isAlone: boolean;
}

/** Replies whether the lease is held; otherwise nothing was written. */
export const markAlone = defineScript({
  lua: lua.markAlone,
  keys: ({ queue, id }: MarkAloneCall) => ({ lease: leaseKey(queue), task: taskKey(queue, id) }),
  args: ({ id, token, isAlone }) => ({ id, token, isAlone: isAlone ? 1 : 0 }),
  reply: (raw) => raw === 1,
});

/** Results of attempts that are still running, fenced by lease tokens as in `extend`. */
export interface KeepResultsCall {
  readonly queue: string;
  readonly results: readonly { readonly id: string; readonly token: number; readonly bytes: RedisArg }[];
}

/** Replies with a flag per result: whether it was stored. False = the lease is lost, or the task no longer exists. */
export const keepResults = defineScript({
  lua: lua.keepResults,
  keys: ({ queue }: KeepResultsCall) => ({ pending: pendingKey(queue) }),
  args: () => ({}),
  moreArgs: ({ results }, args) => {
    for (const result of results) lua.keepResults.records.result(args, result);
  },
  reply: (raw) => Array.from(textOf(raw), (code) => code === CODE.done),
});

/** What attempts that are still running tell of themselves, fenced by lease tokens as in `extend`. */
export interface KeepNotesCall {
  readonly queue: string;
  readonly notes: readonly {
    readonly id: string;
    readonly token: number;
    /** '' = it stays. */
    readonly progress: string;
    readonly lines: readonly string[];
    readonly skipped: number;
  }[];
}

/** Replies with a flag per note: whether it was stored. False = the lease is lost, or the task no longer exists. */
export const keepNotes = defineScript({
  lua: lua.keepNotes,
  keys: ({ queue }: KeepNotesCall) => ({ pending: pendingKey(queue) }),
  args: () => ({ maxLines: MAX_KEPT_LINES, maxBytes: MAX_KEPT_LOG_BYTES }),
  moreArgs: ({ notes }, args) => {
    for (const { lines, ...note } of notes)
      lua.keepNotes.records.note(args, { ...note, count: lines.length, lines: lines.join('\n') });
  },
  reply: (raw) => Array.from(textOf(raw), (code) => code === CODE.done),
});

/** Replies with those of the queues that have pending tasks, in their order. */
export const withTasks = defineScript({
  lua: lua.withTasks,
  keys: () => ({}),
  moreKeys: ({ queues }: QueuesCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  reply: (raw, { queues }): string[] => (raw as readonly number[]).map((index) => queues[index] as string),
});
