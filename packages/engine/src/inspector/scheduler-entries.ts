import type { Broker } from '../broker/broker.ts';
import { MAX_EVENTS, type EnqueueEvent, type EntryRecord } from '../broker/scheduler-entries.ts';
import type { EnqueueOptions } from '../client/enqueue-options.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { optionsOf } from '../asynq-scheduler/entry-options.ts';
import { byNext } from '../asynq-scheduler/timetable.ts';

/** What a scheduler enqueues again and again. Times: wall-clock ms. */
export interface SchedulerEntry extends Omit<EntryRecord, 'options'> {
  /** With what each task is enqueued, as far as it can be read. */
  readonly options: EnqueueOptions;
  /** The same as Asynq writes it: `Queue("low")`. */
  readonly optionTexts: readonly string[];
}

export interface EventPageOptions {
  /** From 1, the default. */
  readonly page?: number;
  /** 1 to 1,000. Default 30. */
  readonly pageSize?: number;
}

const PAGE = 30;

function checked(value: number, name: string, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  const expected = `a whole number from 1 to ${most}`;
  throw new TaskCenterError('invalid-value', { name, got: String(value), expected });
}

export async function listSchedulerEntries({ schedulerEntries }: Broker): Promise<SchedulerEntry[]> {
  const records = await schedulerEntries.entries();
  return records
    .map(({ options, ...record }) => ({ ...record, options: optionsOf(options), optionTexts: options }))
    .sort(byNext);
}

export async function listEnqueueEvents(
  { schedulerEntries }: Broker,
  entryId: string,
  { page = 1, pageSize = PAGE }: EventPageOptions,
): Promise<EnqueueEvent[]> {
  const pages = {
    page: checked(page, 'page', MAX_EVENTS),
    pageSize: checked(pageSize, 'pageSize', MAX_EVENTS),
  };
  return schedulerEntries.events(entryId, pages);
}
