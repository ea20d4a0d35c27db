/** The history of schedules. */
import { MAX_PAGE } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { FireListRequest, FireRecord, UpcomingFire, TimeSpan } from '../broker/fires.ts';
import { END_STATES, FIRE_OUTCOMES, MAX_UPCOMING } from '../broker/fires.ts';
import { MAX_SCHEDULE_NAMES } from '../broker/schedule-records.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { anyText, orNull, wholeNumber } from '../checks/values.ts';
import { mapBounded } from '../runtime/map-bounded.ts';
import { pageLimit, textList, timeSpan, wallMs, wordList } from './schedule-arguments.ts';
import { findSchedule, inTextOrder, schedulesOf, type ScheduleAddress } from './schedule-info.ts';

/** A place in the history of several queues: the latest logical time first, then by queue, then the newest line first. */
export interface FirePlace {
  readonly fireMs: number;
  readonly queue: string;
  readonly line: number;
}

/** Which fires are listed. */
export interface FireListOptions extends Omit<FireListRequest, 'queue' | 'before'> {
  /** Stored queues in any order; default: all. */
  readonly queues?: readonly string[];
  /** Begin after this place; null = with the newest fire. */
  readonly after: FirePlace | null;
}
type FiresOfOptions = Omit<FireListOptions, 'queues' | 'name'>;

const checkFirePlace = createOptionsCheck<FirePlace>('a place in the history', {
  fireMs: required(wallMs),
  queue: required(anyText),
  line: required(wholeNumber(0)),
});

const FIRES_OF_ROWS = {
  businesses: textList,
  owners: textList,
  outcomes: wordList(FIRE_OUTCOMES),
  ends: wordList(END_STATES),
  span: timeSpan,
  limit: required(pageLimit),
  after: required(orNull((value, name) => void checkFirePlace(value, name))),
};
const checkFiresOf = createOptionsCheck<FiresOfOptions>('listFiresOf', FIRES_OF_ROWS);
const checkFires = createOptionsCheck<FireListOptions>('listFires', {
  ...FIRES_OF_ROWS,
  queues: textList,
  name: anyText,
});

/** A page of fires. It may be short or empty although more follow: then `next` is not null. */
export interface FireInfoPage {
  readonly fires: readonly FireRecord[];
  readonly next: FirePlace | null;
}

/** Queues that are asked at the same time. */
const MAX_ASKED_QUEUES = 8;

const byPlace = (a: FirePlace, b: FirePlace): number =>
  b.fireMs - a.fireMs || inTextOrder(a.queue, b.queue) || b.line - a.line;

/** Where a queue goes on after a place, which may lie in another queue. */
function firePlaceIn(queue: string, after: FirePlace | null): FireListRequest['before'] {
  if (after === null) return null;
  const order = inTextOrder(queue, after.queue);
  if (order === 0) return { fireMs: after.fireMs, line: after.line };
  // Queues that come later still have their lines of this time.
  return { fireMs: order < 0 ? after.fireMs : after.fireMs + 1 };
}

/** Queues that have schedules: only these have a history. */
async function queuesWithFires(broker: Broker, queues: readonly string[]): Promise<string[]> {
  const store = schedulesOf(broker);
  const used: string[] = [];
  for (let from = 0; from < queues.length; from += MAX_SCHEDULE_NAMES)
    used.push(...(await store.queuesWithSchedules(queues.slice(from, from + MAX_SCHEDULE_NAMES))));
  return used;
}

/** A page of the history of queues. @throws TaskCenterError `invalid-value` */
export async function listFires(broker: Broker, options: FireListOptions): Promise<FireInfoPage> {
  const store = schedulesOf(broker);
  const { queues, after, ...request } = checkFires(options);
  const limit = Math.min(request.limit, MAX_PAGE);
  const used = await queuesWithFires(broker, queues ?? (await broker.inspect.queues()));
  const pages = await mapBounded(used, MAX_ASKED_QUEUES, async (queue) => ({
    queue,
    ...(await store.fires({ ...request, limit, queue, before: firePlaceIn(queue, after) })),
  }));
  // What a queue has not shown yet comes after the place at which its page ends: no further may the common page go.
  const ends = pages.flatMap(({ queue, next }) => (next === null ? [] : [{ queue, ...next }]));
  const [end = null] = ends.sort(byPlace);
  const all = pages.flatMap(({ fires }) => fires).sort(byPlace);
  const shown = all.filter((fire) => end === null || byPlace(fire, end) <= 0).slice(0, limit);
  const hasMore = shown.length < all.length;
  const last = shown.at(-1);
  const place = last && { fireMs: last.fireMs, queue: last.queue, line: last.line };
  if (shown.length === limit && (hasMore || end !== null)) return { fires: shown, next: place ?? null };
  return { fires: shown, next: end };
}

/**
 * A page of the history of one schedule, the latest logical time first.
 *
 * @throws TaskCenterError `invalid-value`, `schedule-not-found`
 */
export async function listFiresOf(
  broker: Broker,
  address: ScheduleAddress,
  options: FiresOfOptions,
): Promise<FireInfoPage> {
  const { after, ...request } = checkFiresOf(options);
  const { record } = await findSchedule(broker, address);
  const before = after && { fireMs: after.fireMs, line: after.line };
  const { queue, name } = record;
  const { fires, next } = await schedulesOf(broker).fires({ ...request, queue, name, before });
  return { fires, next: next && { queue, ...next } };
}

/** Which fires to come are listed. */
interface UpcomingOptions {
  /** Stored queues in any order; default: all. */
  readonly queues?: readonly string[];
  /** Only schedules of these businesses. */
  readonly businesses?: readonly string[];
  /** Only schedules of these owners. */
  readonly owners?: readonly string[];
  readonly span: TimeSpan;
  readonly limit: number;
}

const checkUpcoming = createOptionsCheck<UpcomingOptions>('listUpcoming', {
  queues: textList,
  businesses: textList,
  owners: textList,
  span: required(timeSpan),
  limit: required(pageLimit),
});

/**
 * Schedules that will fire, the earliest first, at most 1,000.
 *
 * @throws TaskCenterError `invalid-value`
 */
export async function listUpcoming(broker: Broker, options: UpcomingOptions): Promise<UpcomingFire[]> {
  const store = schedulesOf(broker);
  const { queues, ...request } = checkUpcoming(options);
  const limit = Math.min(request.limit, MAX_UPCOMING);
  const all = queues ?? (await broker.inspect.queues());
  const found: UpcomingFire[] = [];
  for (let from = 0; from < all.length; from += MAX_SCHEDULE_NAMES)
    found.push(...(await store.upcoming(all.slice(from, from + MAX_SCHEDULE_NAMES), { ...request, limit })));
  return found.sort((a, b) => a.nextFireMs - b.nextFireMs || inTextOrder(a.name, b.name)).slice(0, limit);
}
