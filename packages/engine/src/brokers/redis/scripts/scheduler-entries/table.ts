import { schedulerEntriesKey, schedulerHistoryKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';

export interface SchedulerWriteCall {
  readonly scheduler: string;
  /** Until the key expires. */
  readonly seconds: number;
  /** The first of several calls: it replaces the earlier entries. */
  readonly first: boolean;
  readonly entries: readonly Buffer[];
}

export const schedulerWrite = defineScript({
  lua: lua.schedulerWrite,
  keys: ({ scheduler }: SchedulerWriteCall) => ({ entries: schedulerEntriesKey(scheduler) }),
  args: ({ seconds, first }) => ({ seconds, isFirst: first ? 1 : 0 }),
  moreArgs: ({ entries }, args) => void args.push(...entries),
  reply: () => undefined,
});

/** Reads a page of a scheduler's entries, from index `first` on; an empty page = no more. */
export interface SchedulerReadCall {
  readonly key: string;
  readonly first: number;
}

export const schedulerRead = defineScript({
  lua: lua.schedulerRead,
  keys: ({ key }: SchedulerReadCall) => ({ entries: key }),
  args: ({ first }) => ({ first }),
  reply: (raw) => raw as readonly Buffer[],
});

export interface SchedulerEventCall {
  readonly entryId: string;
  /** Time of the event, Unix s. */
  readonly seconds: number;
  readonly event: Buffer;
  /** How many events the history keeps. */
  readonly maxEvents: number;
}

export const schedulerEvent = defineScript({
  lua: lua.schedulerEvent,
  keys: ({ entryId }: SchedulerEventCall) => ({ history: schedulerHistoryKey(entryId) }),
  args: ({ seconds, event, maxEvents }) => ({ seconds, event, maxEvents }),
  reply: () => undefined,
});

/** Replaces an entry's history. */
export interface SchedulerEventsCall {
  readonly entryId: string;
  /** Until the history expires. */
  readonly ttlSeconds: number;
  /** At most 100, with their times in Unix s. */
  readonly events: readonly { readonly seconds: number; readonly bytes: Buffer }[];
}

export const schedulerEvents = defineScript({
  lua: lua.schedulerEvents,
  keys: ({ entryId }: SchedulerEventsCall) => ({ history: schedulerHistoryKey(entryId) }),
  args: ({ ttlSeconds }) => ({ ttlSeconds }),
  moreArgs({ events }, args) {
    for (const { seconds, bytes } of events) args.push(seconds, bytes);
  },
  reply: () => undefined,
});

export interface SchedulerHistoryCall {
  readonly entryId: string;
  /** Indexes from 0, newest first; both inclusive. */
  readonly first: number;
  readonly last: number;
}

export const schedulerHistory = defineScript({
  lua: lua.schedulerHistory,
  keys: ({ entryId }: SchedulerHistoryCall) => ({ history: schedulerHistoryKey(entryId) }),
  args: ({ first, last }) => ({ first, last }),
  reply: (raw) => raw as readonly Buffer[],
});
