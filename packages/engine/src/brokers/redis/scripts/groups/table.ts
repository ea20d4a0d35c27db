import {
  type FailedSet,
  type GroupRules,
  MAX_SET_BYTES,
  MAX_SET_TASKS,
  SET_MS,
} from '../../../../broker/groups.ts';
import type { Step } from '../../../../broker/maintain.ts';
import { SECOND_MS, secondsUp } from '../../../../protocol/go-time.ts';
import { pendingKey, taskKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../define-script.ts';
import { CODE, lua } from '../lua.generated.ts';
import { refusalIn, type Refusal, textOf } from '../reply.ts';
import type { EnqueueItem } from '../submit/enqueue.ts';

// Aggregation sets, as Asynq stores them. Its sets end at whole seconds, so all times here are rounded up: a set never ends early.
export interface GroupTakeCall {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly rules: GroupRules;
  /** IDs for the sets; at most this many are taken. */
  readonly setIds: readonly string[];
  /** Names of the groups to check. */
  readonly groups: readonly string[];
}

/** A set that was taken; its ID is the one with the same index in the call. */
export interface TakenSet {
  readonly group: string;
  readonly size: number;
}

/** Moves the tasks of groups that are ready into sets. It has a receipt: repeated, it would take other tasks. */
export const groupTake = defineScript({
  lua: lua.groupTake,
  keys: ({ queue, receipt }: GroupTakeCall) => ({ receipt: receipt.key, pending: pendingKey(queue) }),
  args: ({ receipt, rules: { graceMs, maxDelayMs, maxSize }, setIds }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    graceS: secondsUp(graceMs),
    maxDelayS: secondsUp(maxDelayMs),
    maxSize,
    maxTasks: MAX_SET_TASKS,
    maxBytes: MAX_SET_BYTES,
    lifetimeS: SET_MS / SECOND_MS,
    maxSets: setIds.length,
  }),
  moreArgs: ({ setIds, groups }, args) => void args.push(...setIds, ...groups),
  /** The sets taken, in the order of their IDs. */
  reply: (raw, { groups }): TakenSet[] | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const entries = textOf(raw).split(',').filter(Boolean);
    return entries.map((entry) => {
      const [index, size] = entry.split(':').map(Number);
      return { group: groups[index ?? -1] ?? '', size: size ?? 0 };
    });
  },
});

/** A unique lock and the ID of the task that it was taken for. */
export interface HeldLock {
  readonly key: string;
  readonly id: string;
}

export interface GroupFinishCall {
  readonly queue: string;
  readonly receipt: Receipt;
  /** The set's key. */
  readonly set: string;
  /** IDs of members whose messages cannot be read: they are archived. */
  readonly unreadable: readonly string[];
  readonly locks: readonly HeldLock[];
  /** The task that the set was aggregated into; null = none. */
  readonly item: EnqueueItem | null;
  /** '' = none. */
  readonly business: string;
}

export interface GroupFinished {
  readonly nowMs: number;
  /** A code as in `enqueue`, or `CODE.setLost`. */
  readonly code: string;
  /** With `CODE.duplicate`: ID of the task that holds the lock; '' = unknown. */
  readonly holder: string;
}

export const groupFinish = defineScript({
  lua: lua.groupFinish,
  keys: ({ queue, receipt, set, item }: GroupFinishCall) => ({
    receipt: receipt.key,
    pending: pendingKey(queue),
    set,
    task: item ? taskKey(queue, item.id) : set,
  }),
  args: ({ receipt, unreadable, locks, business }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    unreadableCount: unreadable.length,
    lockCount: locks.length,
    business,
  }),
  moreArgs: ({ unreadable, locks, item }, args) => {
    args.push(...unreadable);
    for (const lock of locks) lua.groupFinish.records.heldLock(args, lock);
    if (item) lua.groupFinish.records.item(args, item);
  },
  reply: (raw): GroupFinished | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [, now, code = '', holder = ''] = /^(\d+):(.):([^]*)$/.exec(textOf(raw)) ?? [];
    return { nowMs: Number(now), code, holder };
  },
});

/** Tells that a set was not aggregated. */
export interface GroupFailCall {
  readonly queue: string;
  /** The set's key. */
  readonly set: string;
  readonly setId: string;
  /** Of a task that is archived; null = the failure does not count. */
  readonly error: string | null;
  /** Of a failure that does not count. The pause of one that counts follows from the tries of its tasks, which Redis has. */
  readonly pauseMs: number;
}

/**
 * Counts a failed try against the tasks of a set, or gives them back uncounted after a pause. It needs no receipt: a set counts
 * once.
 */
export const groupFail = defineScript({
  lua: lua.groupFail,
  keys: ({ queue, set }: GroupFailCall) => ({ pending: pendingKey(queue), set }),
  args: ({ setId, error, pauseMs }) => ({
    setId,
    pauseS: error === null ? secondsUp(pauseMs) : '',
    error: error ?? '',
  }),
  reply: (raw): FailedSet | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const text = textOf(raw);
    if (text === CODE.setLost) return { code: 'set-lost' };
    return text === 'a' ? { code: 'archived' } : { code: 'retry', pauseMs: Number(text) * SECOND_MS };
  },
});

/** Replies with the number of tasks put back into their groups. */
export const groupReclaim = defineScript({
  lua: lua.groupReclaim,
  keys: ({ queue }: Step) => ({ pending: pendingKey(queue) }),
  args: ({ limit }) => ({ limit }),
  reply: (raw): number | Refusal => refusalIn(raw) ?? Number(raw),
});
