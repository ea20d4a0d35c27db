// Scripts that write, hand out and list schedules of one queue. What they work on is described in the prelude `schedules`; fires are in
// fires.ts, the registry in registry.ts.
import type {
  PutOutcome,
  RemoveOutcome,
  SchedulePut,
  ScheduleRecord,
  ScheduleRemoval,
} from '../../../../broker/schedule-records.ts';
import { HIDE_MS, MAX_AHEAD_MS, type NextLook } from '../../../../broker/schedules.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import {
  factsText,
  type HandedOut,
  numberOrNull,
  parseHandedOut,
  parseScheduleFacts,
  parseSchedule,
  type RawHandedOut,
  type ScheduleFacts,
} from '../../records/schedule-record.ts';
import { defineScript, type QueuesCall } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, textOrNull, type Refusal } from '../reply.ts';

/** A call that changes schedules of one queue. */
interface ChangeCall<Item> {
  /** Stored queue, that of all items. */
  readonly queue: string;
  /** A repeat of the call after a lost reply gets the same answer. */
  readonly receipt: Receipt;
  readonly items: readonly Item[];
}

/** The receipt comes first: it has the hash tag of the queue. */
const changeKeys = ({ queue, receipt }: ChangeCall<unknown>) => ({
  receipt: receipt.key,
  pending: pendingKey(queue),
});
const changeArgs = ({ receipt }: ChangeCall<unknown>) => ({ slot: receipt.slot, sequence: receipt.sequence });
/** The keys of a script that only needs the queue's name. */
export const queueKeys = ({ queue }: { readonly queue: string }) => ({ pending: pendingKey(queue) });
/** Scripts know no null. */
export const orEmpty = (ms: number | null): number | string => ms ?? '';

/** The codes of a reply; a comma follows each. */
const codesIn = (raw: unknown): string[] => textOf(raw).split(',').slice(0, -1);

/** A schedule to write, and the call that has entered it into the registry. */
export type ClaimedPut = SchedulePut & { readonly claim: string };

/** Writes schedules. Replies with an outcome for each, in order. */
export const schedulePut = defineScript({
  lua: lua.schedulePut,
  keys: (call: ChangeCall<ClaimedPut>) => changeKeys(call),
  args: (call) => changeArgs(call),
  moreArgs({ items }, args) {
    for (const put of items)
      lua.schedulePut.records.put(args, {
        name: put.name,
        claim: put.claim,
        expected: put.expectedRevision,
        paused: put.pauseReason === null ? 0 : 1,
        nextMs: orEmpty(put.nextFireMs),
        lookMs: orEmpty(put.nextLookMs ?? null),
        facts: factsText(put),
        spec: put.spec,
      });
  },
  reply: (raw, { queue }): PutOutcome[] | Refusal =>
    refusalIn(raw) ??
    codesIn(raw).map((code): PutOutcome => {
      const revision = Number(code.slice(1));
      if (code.startsWith('s')) return { code: 'stored', revision };
      if (code.startsWith('e')) return { code: 'schedule-exists', queue };
      return code.startsWith('v') ? { code: 'version-mismatch', revision } : { code: 'not-found' };
    }),
});

/** What came of a removal, and the claim of the schedule's entry in the registry. */
export interface Removed {
  readonly outcome: RemoveOutcome;
  /** '' = it was not removed. */
  readonly claim: string;
}

/** Removes schedules with their history, at most 16. Replies with an outcome for each, in order. */
export const scheduleRemove = defineScript({
  lua: lua.scheduleRemove,
  keys: (call: ChangeCall<ScheduleRemoval>) => changeKeys(call),
  args: (call) => changeArgs(call),
  moreArgs({ items }, args) {
    for (const { name, expectedRevision } of items)
      lua.scheduleRemove.records.removal(args, { name, expected: expectedRevision ?? '' });
  },
  reply: (raw): Removed[] | Refusal =>
    refusalIn(raw) ??
    codesIn(raw).map((code): Removed => {
      const value = code.slice(1);
      if (code.startsWith('r')) return { outcome: { code: 'removed' }, claim: value };
      const revision = Number(value);
      return {
        outcome: code.startsWith('v') ? { code: 'version-mismatch', revision } : { code: 'not-found' },
        claim: '',
      };
    }),
});

/** Names of schedules of one queue. */
interface NamesCall {
  /** Stored queue. */
  readonly queue: string;
  /** At most 256. */
  readonly names: readonly string[];
}

/** Replies with the first ones of them, in order; null = there is none. */
export const scheduleRead = defineScript({
  lua: lua.scheduleRead,
  keys: (call: NamesCall) => queueKeys(call),
  args: () => ({}),
  moreArgs: ({ names }, args) => void args.push(...names),
  reply(raw, { queue }): (ScheduleRecord | null)[] {
    const [, rows] = raw as readonly [unknown, readonly unknown[]];
    return rows.map((row) => (row === null ? null : parseSchedule(queue, row)));
  },
});

/** Brings next looks to now. Replies with how many of the schedules exist. */
export const scheduleLookNow = defineScript({
  lua: lua.scheduleLookNow,
  keys: (call: NamesCall) => queueKeys(call),
  args: () => ({}),
  moreArgs: ({ names }, args) => void args.push(...names),
  reply: (raw) => raw as number,
});

/** What a list goes by. */
export interface ListedSchedule extends ScheduleFacts {
  readonly name: string;
  /** Null also for one that is paused, and where this was not asked for. */
  readonly nextFireMs: number | null;
  /** False also where this was not asked for. */
  readonly failing: boolean;
}

/** A page by name. */
interface ListedPage {
  /** The broker's time, wall-clock ms. */
  readonly nowMs: number;
  /** Those that can be read. */
  readonly rows: readonly ListedSchedule[];
  /** The name behind which the next page begins; null = this was the last one. */
  readonly last: string | null;
}

/** Asks for a page of schedules of one queue. */
interface SchedulePageCall {
  readonly queue: string;
  readonly after: string;
  readonly limit: number;
  /** Whether only failing ones are looked at. */
  readonly isFailing?: boolean;
  /** Parts of heads that a schedule must have: `factParts`. Default: any will do. */
  readonly facts?: readonly string[];
  /** Whether the next fires are asked for, and which schedules are failing: that costs as much as all else. */
  readonly isWhole?: boolean;
}

/** Replies with a page by name, behind `after`. */
export const schedulePage = defineScript({
  lua: lua.schedulePage,
  keys: (call: SchedulePageCall) => queueKeys(call),
  args: ({ after, limit, isFailing, isWhole }) => ({
    after,
    limit,
    failing: isFailing ? 1 : 0,
    whole: isWhole ? 1 : 0,
  }),
  moreArgs: ({ facts = [] }, args) => void args.push(...facts),
  reply(raw, { isFailing = false }): ListedPage {
    const [now, last, names, heads, nexts, failing] = raw as readonly [
      unknown,
      unknown,
      ...(readonly unknown[])[],
    ];
    const rows = names!.flatMap((name, i) => {
      const facts = parseScheduleFacts(heads![i]);
      if (!facts) return [];
      const nextFireMs = numberOrNull(nexts![i] ?? null);
      return [
        { ...facts, name: textOf(name), nextFireMs, failing: isFailing || (failing![i] ?? null) !== null },
      ];
    });
    return { nowMs: Number(textOf(now)), last: textOrNull(last), rows };
  },
});

/** When a queue must be looked at, and whether it has schedules at all. */
export interface LookOfQueue extends NextLook {
  readonly hasSchedules: boolean;
  /** The broker's time, wall-clock ms. */
  readonly nowMs: number;
}

/** Queues in one call of the script on a single server, which takes less than a millisecond. */
export const LOOKS_AT_ONCE = 256;

/** Replies with when queues must be looked at. */
export const scheduleLooks = defineScript({
  lua: lua.scheduleLooks,
  keys: () => ({}),
  moreKeys: ({ queues }: QueuesCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  reply(raw, { queues }): LookOfQueue[] {
    const [now, ...rows] = raw as readonly [unknown, ...(readonly [position: number, look: unknown])[]];
    const nowMs = Number(textOf(now));
    const looks = queues.map((queue): LookOfQueue => ({
      queue,
      nextLookMs: null,
      nextLookInMs: null,
      hasSchedules: false,
      nowMs,
    }));
    for (const [position, look] of rows) {
      const nextLookMs = numberOrNull(look);
      const nextLookInMs = nextLookMs === null ? null : Math.max(0, nextLookMs - nowMs);
      looks[position] = { ...looks[position]!, nextLookMs, nextLookInMs, hasSchedules: true };
    }
    return looks;
  },
});

/** Hands out schedules, and hides them for `HIDE_MS`. Replies with the next look of the queue afterwards. */
export const scheduleDue = defineScript({
  lua: lua.scheduleDue,
  keys: (call: { readonly queue: string; readonly limit: number }) => queueKeys(call),
  args: ({ limit }) => ({ limit, hideMs: HIDE_MS, maxAheadMs: MAX_AHEAD_MS }),
  reply(raw, { queue }): { nowMs: number; nextLookMs: number | null; items: HandedOut[] } {
    const [now, look, items] = raw as readonly [unknown, unknown, readonly RawHandedOut[]];
    return {
      nowMs: Number(textOf(now)),
      nextLookMs: numberOrNull(look),
      items: items.map((item) => parseHandedOut(queue, item)),
    };
  },
});
