import { schedulerEntriesKey, schedulerHistoryKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
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
  name: 'scheduler-write',
  lua: lua.schedulerWrite,
  keys: ({ scheduler }: SchedulerWriteCall) => [schedulerEntriesKey(scheduler)],
  args: ({ seconds, first, entries }) => [seconds, first ? 1 : 0, ...entries],
  reply: () => undefined,
});

/** Reads a page of a scheduler's entries, from index `first` on; an empty page = no more. */
export interface SchedulerReadCall {
  readonly key: string;
  readonly first: number;
}

export const schedulerRead = defineScript({
  name: 'scheduler-read',
  lua: lua.schedulerRead,
  keys: ({ key }: SchedulerReadCall) => [key],
  args: ({ first }) => [first],
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
  name: 'scheduler-event',
  lua: lua.schedulerEvent,
  keys: ({ entryId }: SchedulerEventCall) => [schedulerHistoryKey(entryId)],
  args: ({ seconds, event, maxEvents }) => [seconds, event, maxEvents],
  reply: () => undefined,
});

export interface SchedulerHistoryCall {
  readonly entryId: string;
  /** Indexes from 0, newest first; both inclusive. */
  readonly first: number;
  readonly last: number;
}

export const schedulerHistory = defineScript({
  name: 'scheduler-history',
  lua: lua.schedulerHistory,
  keys: ({ entryId }: SchedulerHistoryCall) => [schedulerHistoryKey(entryId)],
  args: ({ first, last }) => [first, last],
  reply: (raw) => raw as readonly Buffer[],
});
