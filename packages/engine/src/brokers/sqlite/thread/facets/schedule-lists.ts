// Lists of schedules and of their fires, in pages. Changes nothing. Runs in the writer thread; its calls come from
// main/facets/schedules.ts.
import { MAX_PAGE, MAX_PAGE_BYTES, MAX_SCANNED } from '../../../../broker/bounds.ts';
import { KEEP_FIRES_MS, MAX_UPCOMING, type TimeSpan, type UpcomingFire } from '../../../../broker/fires.ts';
import { LATE_MS, type ScheduleCounts, type ScheduleRef } from '../../../../broker/schedule-records.ts';
import { plain, type Packet } from '../../packing.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import type { ScheduleRow } from '../../schedule-rows.ts';
import { SCHEDULE_COLUMNS } from '../tables/schedules.ts';
import type { StoredSchedule } from './schedules.ts';

/** Lists of texts are JSON; null = any. Flags are 0 or 1. */
export interface ScheduleFilterRow {
  readonly businesses: string | null;
  readonly owners: string | null;
  readonly source: string | null;
  readonly calendar: string | null;
  readonly paused: 0 | 1 | null;
  readonly failing: 0 | 1 | null;
  readonly late: 0 | 1 | null;
}

export interface ListSchedulesRequest {
  readonly queues: readonly string[];
  readonly limit: number;
  readonly after: ScheduleRef | null;
  readonly filter: ScheduleFilterRow;
}

export interface SchedulesAnswer {
  readonly nowMs: number;
  readonly items: readonly StoredSchedule[];
  readonly next: ScheduleRef | null;
}

/** Lists are JSON; null = any. */
export interface ListFiresRequest {
  readonly queue: string;
  readonly name: string | null;
  readonly businesses: string | null;
  readonly owners: string | null;
  /** Indexes in `FIRE_OUTCOMES` and `END_STATES`. */
  readonly outcomes: string | null;
  readonly ends: string | null;
  readonly span: TimeSpan | null;
  readonly limit: number;
  readonly before: Place | null;
}

/** A place in the history of a queue. */
interface Place {
  readonly fireMs: number;
  readonly line?: number;
}

/** A line as it is listed; `outcome` and `worstEnd` are indexes. */
export interface ListedFire {
  readonly line: number;
  readonly name: string;
  readonly business: string | null;
  readonly owner: string | null;
  readonly outcome: number;
  readonly fireMs: number;
  readonly toMs: number;
  readonly count: number;
  readonly atMs: number;
  readonly taskId: string | null;
  readonly tasks: number;
  readonly ended: number;
  readonly worstEnd: number | null;
  readonly endedMs: number | null;
}

export interface FiresAnswer {
  readonly fires: readonly ListedFire[];
  readonly next: Required<Place> | null;
}

const isOneOf = (column: string, list: string): string =>
  `(${list} IS NULL OR ${column} IN (SELECT value FROM json_each(${list})))`;
const is = (column: string, value: string): string => `(${value} IS NULL OR ${column} = ${value})`;
const OF_BUSINESSES = isOneOf('business', ':businesses');
const IS_LATE = `(pause_reason IS NULL AND next_fire_ms IS NOT NULL AND next_fire_ms < :nowMs - ${LATE_MS})`;
const MATCHES = [
  OF_BUSINESSES,
  isOneOf('owner', ':owners'),
  is('source', ':source'),
  is('calendar', ':calendar'),
  is('(pause_reason IS NOT NULL)', ':paused'),
  is('failing', ':failing'),
  is(IS_LATE, ':late'),
].join(' AND ');

const clamp = (limit: number, most: number): number => Math.max(1, Math.min(limit, most));

/** Makes the functions that list the schedules of one queue after a name. The inner query bounds how many are looked at. */
function createQueueLister({ database }: Store) {
  type Start = { queue: number; name: string; scan: number };
  const scanned = 'FROM schedule WHERE queue = :queue AND name > :name ORDER BY name';
  const page = database.named<Start & ScheduleFilterRow & { nowMs: number; limit: number }, ScheduleRow>(`
    SELECT ${SCHEDULE_COLUMNS} FROM (SELECT * ${scanned} LIMIT :scan) AS schedule WHERE ${MATCHES} ORDER BY name LIMIT :limit`);
  const last = database.named<Start, { name: string }>(`SELECT name ${scanned} LIMIT 1 OFFSET :scan - 1`);
  return {
    page: page.all,
    /** The name of the last row that a page has looked at; null = the queue has no more. */
    lastScanned: (start: Start): string | null => last.get(start)?.name ?? null,
  };
}

/** Makes the function that lists the schedules of several queues. It goes on from queue to queue while it may look at more. */
function createScheduleLister(store: Store) {
  const { queues, schedules } = store;
  const { page, lastScanned } = createQueueLister(store);

  return (
    { queues: names, limit: given, after, filter }: ListSchedulesRequest,
    nowMs: number,
  ): SchedulesAnswer => {
    const limit = clamp(given, MAX_PAGE);
    const items: StoredSchedule[] = [];
    let [scan, bytes] = [MAX_SCANNED, 0];
    const from = after === null ? 0 : Math.max(0, names.indexOf(after.queue));
    for (const queue of names.slice(from)) {
      const entry = queues.find(queue);
      if (!entry || entry.schedules === 0) continue;
      const name = after?.queue === queue ? after.name : '';
      // The next call begins with this queue.
      if (scan <= 0) return { nowMs, items, next: { queue, name } };
      const start = { queue: entry.number, name, scan };
      const rows = page({ ...start, ...filter, nowMs, limit: limit - items.length });
      for (const row of rows) {
        const spec = schedules.specOf(row.no);
        bytes += spec.length + row.ledger.length;
        items.push({ row, spec });
        if (items.length === limit || bytes > MAX_PAGE_BYTES)
          return { nowMs, items, next: { queue, name: row.name } };
      }
      // It has looked at all that it may, and the queue has more.
      const last = lastScanned(start);
      if (last !== null) return { nowMs, items, next: { queue, name: last } };
      scan -= entry.schedules;
    }
    return { nowMs, items, next: null };
  };
}

type FireFilter = Pick<ListFiresRequest, 'businesses' | 'owners' | 'outcomes' | 'ends'>;

const FIRE_COLUMNS = `line, name, business, owner, outcome, fire_ms AS fireMs, to_ms AS toMs, count, at_ms AS atMs, task AS taskId,
  tasks, ended, worst_end AS worstEnd, fire.ended_ms AS endedMs`;
const FIRE_MATCHES = [
  OF_BUSINESSES,
  isOneOf('owner', ':owners'),
  isOneOf('outcome', ':outcomes'),
  isOneOf('worst_end', ':ends'),
].join(' AND ');

interface FireStart {
  /** The number of the queue, or of the schedule. */
  readonly of: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly fireMs: number;
  readonly line: number;
  readonly keptMs: number;
  readonly scan: number;
}

/** Prepares a page of the lines with one queue, or one schedule. The inner query bounds how many are looked at. */
function prepareFirePage({ database }: Store, of: 'queue' | 'schedule') {
  const scanned = `FROM fire WHERE fire.${of} = :of AND (fire_ms, line) < (:fireMs, :line) AND fire_ms >= :fromMs
    AND fire_ms < :toMs AND at_ms >= :keptMs ORDER BY fire_ms DESC, line DESC`;
  const page = database.named<FireStart & FireFilter & { limit: number }, ListedFire>(`
    SELECT ${FIRE_COLUMNS} FROM (SELECT * ${scanned} LIMIT :scan) AS fire CROSS JOIN schedule ON no = fire.schedule
    WHERE ${FIRE_MATCHES} ORDER BY fire_ms DESC, line DESC LIMIT :limit`);
  const last = database.named<FireStart, Required<Place>>(
    `SELECT fire_ms AS fireMs, line ${scanned} LIMIT 1 OFFSET :scan - 1`,
  );
  return { page, last };
}

/** Makes the function that lists a page of the history. */
function createFireLister(store: Store) {
  const { queues, schedules } = store;
  const ofQueue = prepareFirePage(store, 'queue');
  const ofSchedule = prepareFirePage(store, 'schedule');

  return (request: ListFiresRequest, nowMs: number): FiresAnswer => {
    const { queue, name, span, before, businesses, owners, outcomes, ends } = request;
    const entry = queues.find(queue);
    const schedule = name === null ? null : schedules.find(name);
    if (!entry || (name !== null && schedule?.queue !== entry.number)) return { fires: [], next: null };
    const limit = clamp(request.limit, MAX_PAGE);
    const start: FireStart = {
      of: schedule?.no ?? entry.number,
      fromMs: span?.fromMs ?? 0,
      toMs: span?.toMs ?? Number.MAX_SAFE_INTEGER,
      fireMs: before?.fireMs ?? Number.MAX_SAFE_INTEGER,
      line: before?.line ?? 0,
      keptMs: nowMs - KEEP_FIRES_MS,
      scan: MAX_SCANNED,
    };
    const sql = schedule ? ofSchedule : ofQueue;
    const fires = sql.page.all({ ...start, businesses, owners, outcomes, ends, limit });
    const last = fires.length === limit ? fires.at(-1)! : sql.last.get(start);
    return { fires, next: last ? { fireMs: last.fireMs, line: last.line } : null };
  };
}

/** The numbers of queues as JSON. */
const numbersOf = (entries: readonly (QueueEntry | undefined)[]): string =>
  JSON.stringify(entries.flatMap((entry) => (entry ? [entry.number] : [])));

/** Requests about the next fires of schedules. */
function createUpcomingHandlers({ database, queues }: Store) {
  type Among = TimeSpan & { queues: string; businesses: string | null };
  const isAmong = `schedule.queue IN (SELECT value FROM json_each(:queues)) AND pause_reason IS NULL AND next_fire_ms IS NOT NULL
    AND next_fire_ms >= :fromMs AND next_fire_ms < :toMs AND ${OF_BUSINESSES}`;
  const soonest = database.named<Among & { owners: string | null; limit: number }, UpcomingFire>(`
    SELECT (SELECT queue.name FROM queue WHERE no = schedule.queue) AS queue, name, business, owner, next_fire_ms AS nextFireMs
    FROM schedule WHERE ${isAmong} AND ${isOneOf('owner', ':owners')} ORDER BY next_fire_ms, name LIMIT :limit`);
  const count = database.named<Among, { count: number }>(
    `SELECT count(*) AS count FROM schedule WHERE ${isAmong}`,
  );
  const numbers = (names: readonly string[]) => numbersOf(names.map((name) => queues.find(name)));

  return {
    /** The earliest first. */
    scheduleUpcoming({
      data: { queues: names, businesses, owners, span, limit },
    }: Packet<{
      readonly queues: readonly string[];
      readonly businesses: string | null;
      readonly owners: string | null;
      readonly span: TimeSpan;
      readonly limit: number;
    }>): Packet<UpcomingFire[]> {
      const among = { queues: numbers(names), businesses, fromMs: span.fromMs, toMs: span.toMs };
      return plain(soonest.all({ ...among, owners, limit: clamp(limit, MAX_UPCOMING) }));
    },

    /** One number per span. */
    scheduleCountUpcoming({
      data: { queues: names, businesses, spans },
    }: Packet<{
      readonly queues: readonly string[];
      readonly businesses: string | null;
      readonly spans: readonly TimeSpan[];
    }>): Packet<number[]> {
      const among = { queues: numbers(names), businesses };
      return plain(spans.map(({ fromMs, toMs }) => count.get({ ...among, fromMs, toMs })?.count ?? 0));
    },
  };
}

export function createScheduleListHandlers(store: Store) {
  const { database, queues } = store;
  const list = createScheduleLister(store);
  const listFires = createFireLister(store);
  const counts = database.named<{ queue: number; businesses: string | null; nowMs: number }, ScheduleCounts>(`
    SELECT count(*) AS "all", coalesce(sum(pause_reason IS NOT NULL), 0) AS paused, coalesce(sum(failing), 0) AS failing,
      coalesce(sum(${IS_LATE}), 0) AS late
    FROM schedule WHERE queue = :queue AND ${OF_BUSINESSES}`);
  const none: ScheduleCounts = { all: 0, paused: 0, failing: 0, late: 0 };

  return {
    ...createUpcomingHandlers(store),

    /** A page, by queue and name. */
    scheduleList: ({ data }: Packet<ListSchedulesRequest>, { wallMs }: Now): Packet<SchedulesAnswer> =>
      plain(list(data, Math.floor(wallMs))),

    /** Those that have schedules. */
    scheduleQueues: ({ data }: Packet<readonly string[]>): Packet<string[]> =>
      plain(data.filter((name) => (queues.find(name)?.schedules ?? 0) > 0)),

    /** One per queue. */
    scheduleCounts(
      {
        data: { queues: names, businesses },
      }: Packet<{ readonly queues: readonly string[]; readonly businesses: string | null }>,
      { wallMs }: Now,
    ): Packet<ScheduleCounts[]> {
      return plain(
        names.map((name) => {
          const entry = queues.find(name);
          if (!entry || entry.schedules === 0) return none;
          return counts.get({ queue: entry.number, businesses, nowMs: Math.floor(wallMs) }) ?? none;
        }),
      );
    },

    /** A page, newest first. */
    fireList: ({ data }: Packet<ListFiresRequest>, { wallMs }: Now): Packet<FiresAnswer> =>
      plain(listFires(data, Math.floor(wallMs))),
  };
}
