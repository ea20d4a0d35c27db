import type { PoisonLimits } from '@task-center/model';
import type { Forwarded, RecoverStep, Step, Surveyed } from '../../../../broker/maintain.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript, type QueuesCall } from '../define-script.ts';
import { type Fetched, parseTakenRows } from '../consume/exchange.ts';
import { lua } from '../lua.generated.ts';
import { quarantinedIn, type Refusal, refusalIn, textOf } from '../reply.ts';

/** Replies with how many tasks were moved, and when the next one is due. */
export const forward = defineScript({
  lua: lua.forward,
  keys: ({ queue }: Step) => ({ pending: pendingKey(queue) }),
  args: ({ limit }) => ({ limit }),
  reply: (raw): Forwarded | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [moved, next, now, dropped, late] = raw as readonly [number, unknown, unknown, unknown[], unknown];
    const lateMs = Number(textOf(late));
    if (next === null) return { moved, lateMs, nextDueMs: null, nextInMs: null, ...quarantinedIn(dropped) };
    const nextDueMs = Number(textOf(next));
    const nextInMs = Math.max(0, nextDueMs - Number(textOf(now)));
    return { moved, lateMs, nextDueMs, nextInMs, ...quarantinedIn(dropped) };
  },
});

type SurveyedRow = readonly [position: number, isLeased: number, nextDueMs: unknown, isUntidy: number];

/** Replies with what each queue needs. */
export const survey = defineScript({
  lua: lua.survey,
  keys: () => ({}),
  moreKeys: ({ queues }: QueuesCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  reply: (raw, { queues }): Surveyed[] => {
    const [now, ...rows] = raw as readonly [unknown, ...SurveyedRow[]];
    const atMs = Number(textOf(now));
    const idle: Surveyed = { atMs, isLeased: false, nextDueMs: null, nextInMs: null, isUntidy: false };
    const surveyed = queues.map(() => idle);
    for (const [position, isLeased, next, isUntidy] of rows) {
      const nextDueMs = next === null ? null : Number(textOf(next));
      const nextInMs = nextDueMs === null ? null : Math.max(0, nextDueMs - atMs);
      surveyed[position] = { atMs, isLeased: isLeased === 1, nextDueMs, nextInMs, isUntidy: isUntidy === 1 };
    }
    return surveyed;
  },
});

/** Replies with those of the queues in which something has expired, or a key has a wrong type. */
export const untidy = defineScript({
  lua: lua.untidy,
  keys: () => ({}),
  moreKeys: ({ queues }: QueuesCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  reply: (raw, { queues }): string[] => (raw as readonly number[]).map((index) => queues[index] as string),
});

export interface RecoverCall extends RecoverStep {
  /** After which losses a task is archived. */
  readonly limits: PoisonLimits;
  /** How long the caller leases Go's tasks, ms. */
  readonly leaseMs: number;
}

export interface RecoverReply {
  readonly recovered: number;
  readonly archived: number;
  /** IDs without a task. */
  readonly dropped: readonly string[];
  /** Go's tasks, leased to the caller, which must end them. */
  readonly orphans: Fetched;
}

type Raw = readonly [
  recovered: number,
  archived: number,
  dropped: readonly unknown[],
  token: number,
  rows: readonly unknown[],
];

export const recover = defineScript({
  lua: lua.recover,
  keys: ({ queue }: RecoverCall) => ({ pending: pendingKey(queue) }),
  args: ({ limit, limits: { crashes, losses }, leaseMs, idleAtMs = 0 }) => ({
    limit,
    maxCrashes: crashes,
    maxLosses: losses,
    leaseMs,
    idleMs: idleAtMs,
  }),
  reply: (raw, { queue }): RecoverReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, archived, dropped, token, rows] = raw as Raw;
    const orphans = { queue, token, rows: parseTakenRows(rows), dropped: [], left: 0, corrupt: null };
    return { recovered, archived, dropped: dropped.map(textOf), orphans };
  },
});

/** Replies with the number of tasks removed. */
export const expire = defineScript({
  lua: lua.expire,
  keys: ({ queue }: Step) => ({ pending: pendingKey(queue) }),
  args: ({ limit }) => ({ limit }),
  reply: (raw): number | Refusal => refusalIn(raw) ?? (raw as number),
});

/** What the script has repaired in the indexes of a queue. */
export interface RepairedIndexes {
  readonly recovered: number;
  readonly archived: number;
  readonly renamedKeys: readonly string[];
}

export const repair = defineScript({
  lua: lua.repair,
  keys: ({ queue }: Step) => ({ pending: pendingKey(queue) }),
  args: ({ limit }) => ({ limit }),
  reply: (raw): RepairedIndexes => {
    const [recovered, archived, renamed] = raw as readonly [number, number, unknown[]];
    return { recovered, archived, renamedKeys: renamed.map(textOf) };
  },
});

/** What the script has repaired among the keys of a queue. */
export interface SweepReply {
  readonly recovered: number;
  /** Unique locks released. */
  readonly locks: number;
  /** Groups added to `groups` again. */
  readonly groups: number;
  readonly renamedKeys: readonly string[];
}

export const sweep = defineScript({
  lua: lua.sweep,
  keys: ({ queue }: Step) => ({ pending: pendingKey(queue) }),
  args: () => ({}),
  reply: (raw): SweepReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [recovered, locks, groups, renamed] = raw as readonly [number, number, number, unknown[]];
    return { recovered, locks, groups, renamedKeys: renamed.map(textOf) };
  },
});
