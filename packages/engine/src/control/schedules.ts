/** Schedules: read, paused, resumed, removed. */
import { pausedSpec, resumedSpec, type ScheduleSource } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { MAX_PAGE } from '../broker/bounds.ts';
import {
  MAX_SCHEDULE_NAMES,
  type ScheduleCounts,
  type ScheduleFilter,
  type ScheduleRef,
} from '../broker/schedule-records.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { anyText, func, orNull } from '../checks/values.ts';
import { isTaskCenterError } from '../errors/task-center-error.ts';
import { checkBusinesses } from './arguments.ts';
import { daysOf, nextFireOf } from './next-fire.ts';
import { requireOwner } from './put-schedules.ts';
import { FILTER_ROWS, pageLimit, placeOfSchedule, scheduleSource, textList } from './schedule-arguments.ts';
import {
  damagedRemoval,
  findSchedule,
  readableSchedule,
  requireReadable,
  requireSchedule,
  scheduleInfo,
  inTextOrder,
  schedulesOf,
  storedNameOf,
  type FoundSchedule,
  type ScheduleAddress,
  type ScheduleInfo,
} from './schedule-info.ts';
import {
  anyVersion,
  changeVersion,
  overtaken,
  removeVersion,
  type VersionChange,
  type VersionedPlace,
  type VersionTest,
} from './versions.ts';

/** What a change of a schedule depends on. */
export interface ScheduleChange {
  /** Default: any version. */
  readonly expects?: VersionTest;
  /** The source of the change. Default: `client`. */
  readonly by?: ScheduleSource;
}

/** Options of a pause. */
interface ScheduleChangeWithReason extends ScheduleChange {
  readonly reason?: string | undefined;
}

const CHANGE_ROWS = { expects: func, by: scheduleSource };
const checkScheduleChange = createOptionsCheck<ScheduleChange>('a change of a schedule', CHANGE_ROWS);
const checkPause = createOptionsCheck<ScheduleChangeWithReason>('pauseSchedule', {
  ...CHANGE_ROWS,
  reason: anyText,
});

/** A page of schedules. */
export interface ScheduleInfoPage {
  /** In the order of their stored queues, then by stored name. */
  readonly schedules: readonly ScheduleInfo[];
  /** Where the next page begins; null = this was the last one. */
  readonly next: ScheduleRef | null;
  /** The broker's clock, wall-clock ms. */
  readonly nowMs: number;
}

/** Which schedules are listed. */
export interface ScheduleListOptions extends ScheduleFilter {
  /** Stored queues in any order; default: all. */
  readonly queues?: readonly string[];
  /** 1 to 500. */
  readonly limit: number;
  /** Begin after this one; null = from the start. */
  readonly after: ScheduleRef | null;
}

const LIST_ROWS = { ...FILTER_ROWS, queues: textList };
const checkListOptions = createOptionsCheck<ScheduleListOptions>('listSchedules', {
  ...LIST_ROWS,
  limit: required(pageLimit),
  after: required(orNull(placeOfSchedule)),
});
const checkScheduleFilter = createOptionsCheck<Omit<ScheduleListOptions, 'limit' | 'after'>>(
  'iterateSchedules',
  LIST_ROWS,
);

/** Most calls of one page: a page may be short, and not be the last one. */
const MAX_LIST_CALLS = 16;

/** @throws TaskCenterError `invalid-value`, `schedule-not-found` */
export async function getSchedule(broker: Broker, address: ScheduleAddress): Promise<ScheduleInfo> {
  return scheduleInfo(await findSchedule(broker, address));
}

/**
 * A page of schedules. It may be short or empty although more follow: then `next` is not null.
 *
 * @throws TaskCenterError `invalid-value`
 */
export async function listSchedules(broker: Broker, options: ScheduleListOptions): Promise<ScheduleInfoPage> {
  const store = schedulesOf(broker);
  const { queues, limit, after: start, ...filter } = checkListOptions(options);
  const all = [...(queues ?? (await broker.inspect.queues()))].sort(inTextOrder);
  const schedules: ScheduleInfo[] = [];
  let after = start;
  let nowMs = 0;
  for (let calls = 0; calls < MAX_LIST_CALLS; calls += 1) {
    const from = after;
    const part = all.filter((queue) => from === null || queue >= from.queue).slice(0, MAX_SCHEDULE_NAMES);
    const room = Math.min(limit, MAX_PAGE) - schedules.length;
    const page = await store.list({ ...filter, queues: part, limit: room, after });
    nowMs = page.nowMs;
    for (const record of page.schedules) {
      // One that is damaged stops no list. It is told of where somebody asks for it, and by who would fire it.
      const found = readableSchedule(record, page.nowMs);
      if (found) schedules.push(scheduleInfo(found));
    }
    const last = part.at(-1);
    const isEnd = last === undefined || last === all.at(-1);
    // The highest name of a queue: what follows is in the next one.
    after = page.next ?? (isEnd ? null : { queue: last, name: '\u{10ffff}' });
    if (after === null || schedules.length >= limit) break;
  }
  return { schedules, next: after, nowMs };
}

/** All schedules of a filter, for `for await`. */
export async function* iterateSchedules(
  broker: Broker,
  options: Omit<ScheduleListOptions, 'limit' | 'after'>,
): AsyncGenerator<ScheduleInfo, void, undefined> {
  checkScheduleFilter(options, 'options');
  let after: ScheduleRef | null = null;
  do {
    const page: ScheduleInfoPage = await listSchedules(broker, { ...options, limit: 100, after });
    yield* page.schedules;
    after = page.next;
  } while (after !== null);
}

/** Numbers of schedules, of all queues together. @param businesses only those of these; null = of any and none */
export async function countSchedules(
  broker: Broker,
  queues: readonly string[],
  businesses: readonly string[] | null,
): Promise<ScheduleCounts> {
  const store = schedulesOf(broker);
  textList(queues, 'queues');
  checkBusinesses(businesses, 'businesses');
  const sum = { all: 0, paused: 0, failing: 0, late: 0 };
  for (let from = 0; from < queues.length; from += MAX_SCHEDULE_NAMES)
    for (const counts of await store.counts(queues.slice(from, from + MAX_SCHEDULE_NAMES), businesses))
      for (const name of ['all', 'paused', 'failing', 'late'] as const) sum[name] += counts[name];
  return sum;
}

type SchedulePlace = VersionedPlace<FoundSchedule & { readonly version: number }, string | null>;

/** The next fire of a schedule that is resumed. */
async function resumedFireMs(broker: Broker, { spec, ledger, nowMs }: FoundSchedule): Promise<number | null> {
  const days = spec.calendar === null ? null : await daysOf(broker, spec.calendar);
  return nextFireOf({ spec, ledger }, days, nowMs);
}

/** A schedule whose pause changes. */
function schedulePlace(broker: Broker, address: ScheduleAddress): SchedulePlace {
  const name = storedNameOf(address);
  const store = schedulesOf(broker);
  const { id } = address;
  async function read() {
    const { schedules, nowMs } = await store.get([name]);
    const [record = null] = schedules;
    return record && { ...requireReadable(id, record, nowMs), version: record.revision };
  }
  return {
    kind: 'schedule',
    id,
    read,
    contentOf: ({ record }) => record.pauseReason,
    async write(pauseReason, before) {
      requireSchedule(address, before);
      const { record, nowMs } = before;
      const spec = pauseReason === null ? resumedSpec(before, nowMs) : pausedSpec(before.spec, nowMs);
      const { queue, business, owner, source, calendar, revision } = record;
      // The stored one may lie within the pause.
      const nextFireMs =
        pauseReason === null ? await resumedFireMs(broker, { ...before, spec }) : record.nextFireMs;
      const text = { spec: JSON.stringify(spec), business, owner, source, calendar, pauseReason };
      const [outcome] = await store.put([{ queue, name, expectedRevision: revision, ...text, nextFireMs }]);
      if (outcome?.code !== 'stored') throw overtaken({ kind: 'schedule', id });
      const version = outcome.revision;
      return {
        record: { ...record, ...text, nextFireMs, revision: version },
        spec,
        ledger: before.ledger,
        nowMs,
        version,
      };
    },
    async remove({ record: { queue, revision: expectedRevision } }) {
      const [outcome] = await store.remove([{ queue, name, expectedRevision }]);
      if (outcome?.code === 'version-mismatch') throw overtaken({ kind: 'schedule', id });
    },
  };
}

async function changePause(
  broker: Broker,
  address: ScheduleAddress,
  { reason, expects = anyVersion, by = 'client' }: ScheduleChange & { readonly reason: string | null },
): Promise<VersionChange<ScheduleInfo>> {
  const change = (before: FoundSchedule | null) => {
    requireSchedule(address, before);
    // Also where nothing would change: a caller learns at once that this is no place to pause it.
    requireOwner(address.id, before.spec, by);
    return reason;
  };
  const { item, isNew } = await changeVersion(schedulePlace(broker, address), change, expects);
  return { item: scheduleInfo(item), isNew };
}

/**
 * Fires of the schedule are no longer made. One that is paused already gets the new reason.
 *
 * @param options `reason`: for people
 * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `managed-elsewhere`, `version-mismatch`
 */
export async function pauseSchedule(
  broker: Broker,
  address: ScheduleAddress,
  options: ScheduleChangeWithReason = {},
): Promise<ScheduleInfo> {
  const { reason = '', ...change } = checkPause(options, 'options');
  return (await changePause(broker, address, { ...change, reason })).item;
}

/**
 * The schedule fires again, from now on: what fell into the pause is no misfire. One that is not paused stays as it is.
 *
 * @throws TaskCenterError as `pauseSchedule`
 */
export async function resumeSchedule(
  broker: Broker,
  address: ScheduleAddress,
  change: ScheduleChange = {},
): Promise<ScheduleInfo> {
  checkScheduleChange(change, 'change');
  return (await changePause(broker, address, { ...change, reason: null })).item;
}

/**
 * Removes a schedule with its history, also one that cannot be read. Its tasks stay.
 *
 * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `managed-elsewhere`, `version-mismatch`
 */
export async function removeSchedule(
  broker: Broker,
  address: ScheduleAddress,
  change: ScheduleChange = {},
): Promise<void> {
  const { expects = anyVersion, by = 'client' } = checkScheduleChange(change, 'change');
  const check: (
    before: (FoundSchedule & { readonly version: number }) | null,
  ) => asserts before is FoundSchedule & {
    readonly version: number;
  } = (before) => {
    requireSchedule(address, before);
    requireOwner(address.id, before.spec, by);
  };
  try {
    await removeVersion(schedulePlace(broker, address), check, expects);
  } catch (error) {
    if (!isTaskCenterError(error, 'schedule-unreadable')) throw error;
    // Whatever the caller expects: it has no version any more.
    const { queue, revision } = error.details;
    const removal = damagedRemoval({ queue, name: storedNameOf(address), revision });
    const [outcome] = await schedulesOf(broker).remove([removal]);
    if (outcome?.code === 'version-mismatch') throw overtaken({ kind: 'schedule', id: address.id });
  }
}
