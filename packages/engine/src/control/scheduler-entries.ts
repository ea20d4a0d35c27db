import { compareByNext } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { MAX_EVENTS, type EnqueueEvent, type EntryRecord } from '../broker/scheduler-entries.ts';
import type { EnqueueOptions } from '../client/enqueue-options.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { filledText, wholeNumber } from '../checks/values.ts';
import { optionsOf } from '../asynq-scheduler/entry-options.ts';
import { facetsOf } from './arguments.ts';
import { DEFAULT_PAGE_SIZE } from './list-tasks.ts';

/** A task that a scheduler enqueues periodically. Times are wall-clock ms. */
export interface SchedulerEntry extends Omit<EntryRecord, 'options'> {
  /** The options that each task is enqueued with. Options that cannot be parsed are missing here. */
  readonly options: EnqueueOptions;
  /** The same options in Asynq's text form, such as `Queue("low")`. */
  readonly optionTexts: readonly string[];
}

export interface EventPageOptions {
  /** Number of the page, from 1. Default 1. */
  readonly page?: number;
  /** Events per page, 1 to 1,000. Default 30. */
  readonly pageSize?: number;
}

const checkEventOptions = createOptionsCheck<EventPageOptions>('events', {
  page: wholeNumber(1, MAX_EVENTS),
  pageSize: wholeNumber(1, MAX_EVENTS),
});

/** Brokers return entries in no order. Those of the same time are in that of their IDs, the same on every broker. */
const byNextAndId = (a: SchedulerEntry, b: SchedulerEntry): number =>
  compareByNext(a, b) || (a.id < b.id ? -1 : 1);

/** The entries of all schedulers, the next to fire first. */
export async function listSchedulerEntries(broker: Broker): Promise<SchedulerEntry[]> {
  const records = await facetsOf(broker, 'schedulerEntries').schedulerEntries.entries();
  return records
    .map(({ options, ...record }) => ({ ...record, options: optionsOf(options), optionTexts: options }))
    .sort(byNextAndId);
}

/** A page of what an entry has enqueued, newest first. @throws TaskCenterError `invalid-value` */
export async function listEnqueueEvents(
  broker: Broker,
  entryId: string,
  options: EventPageOptions,
): Promise<EnqueueEvent[]> {
  const { schedulerEntries } = facetsOf(broker, 'schedulerEntries');
  filledText(entryId, 'entryId');
  const { page = 1, pageSize = DEFAULT_PAGE_SIZE } = checkEventOptions(options);
  return schedulerEntries.events(entryId, { page, pageSize });
}

/**
 * All that is kept of what an entry has enqueued, newest first. It is read in one call, because pages would shift with each
 * event that is new.
 */
export function iterateEnqueueEvents(
  broker: Broker,
  entryId: string,
): AsyncGenerator<EnqueueEvent, void, undefined> {
  facetsOf(broker, 'schedulerEntries');
  filledText(entryId, 'entryId');
  return (async function* () {
    yield* await listEnqueueEvents(broker, entryId, { pageSize: MAX_EVENTS });
  })();
}
