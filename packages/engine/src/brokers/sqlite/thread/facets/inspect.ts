// Reading what is stored: queues, tasks, lists, history. Changes nothing. Runs in the writer thread; its calls come from
// main/facets/inspect.ts.
import { DAY_MS } from '@task-center/model';
import { MAX_LISTED_GROUPS, MAX_SCANNED } from '../../../../broker/bounds.ts';
import type { Anomalies, DayCounts, FoundTask, GroupSize, QueueFacts } from '../../../../broker/inspect.ts';
import { NO_TOTALS, totalsOf } from '../../../../broker/totals.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { plain, type Packet } from '../../packing.ts';
import { ACTIVE, AGGREGATING, IN_SET, PENDING, STATES, type StateNumber } from '../../states.ts';
import type { Now, Store } from '../store.ts';
import { dayOf } from '../tables/counters.ts';
import {
  BEFORE_FIRST,
  createPageReader,
  type PageCursor,
  type RecordPage,
  type RecordRow,
} from './records.ts';

/** What is known of a queue. `counts` is by state number. */
export type FactsRow = Omit<QueueFacts, 'queue' | 'counts'> & { readonly counts: readonly number[] };

/** Asks for a page of the tasks in one state. */
export interface ListPageRequest {
  readonly queue: string;
  readonly state: StateNumber;
  readonly limit: number;
  /** Null = tasks of all. */
  readonly businesses: readonly string[] | null;
  readonly after: PageCursor | null;
  /** With the state aggregating only. */
  readonly group: string | null;
}

export interface ListPageAnswer extends RecordPage {
  /** Tasks in the state or group, on all pages. */
  readonly total: number;
  /** Rows that were looked at. */
  readonly scanned: number;
  /** When they were read, wall-clock ms. */
  readonly readMs: number;
}

/** Asks which queues ever held tasks of some businesses. */
export interface HaveHeldRequest {
  readonly queues: readonly string[];
  readonly businesses: readonly string[];
}

/** Asks for the tasks that have this ID, with or without a business. */
export interface FindRequest {
  readonly queues: readonly string[];
  /** Plain: without the business. */
  readonly id: string;
}

/** There are no anomalies, since no other program writes to the file. */
const NO_ANOMALIES: Anomalies = { dropped: 0, archived: 0, renamedKeys: 0 };

/** Facts of a queue that does not exist. */
const NO_FACTS: FactsRow = {
  counts: STATES.map(() => 0),
  paused: false,
  pauseReason: null,
  oldestPendingMs: null,
  oldestAggregatingMs: null,
  processed: 0,
  failed: 0,
  totals: totalsOf(NO_TOTALS, { processed: 0, failed: 0 }),
  groups: 0,
  anomalies: NO_ANOMALIES,
};

/** Requests about queues. The counts are those of the registry: no query has to count tasks. */
function createQueueHandlers({ database, queues }: Store) {
  const facts = database.named<
    { queue: number },
    Pick<FactsRow, 'pauseReason' | 'processed' | 'failed' | 'groups'> & {
      pendingSinceMs: number | null;
      joinedMs: number | null;
    }
  >(`SELECT pause_reason AS pauseReason, processed, failed,
    (SELECT pending_since_ms FROM task WHERE queue = no AND state = ${PENDING} ORDER BY at LIMIT 1) AS pendingSinceMs,
    (SELECT min(at) FROM (SELECT min(at) AS at FROM task WHERE queue = no AND state = ${AGGREGATING}
      UNION ALL SELECT min(at) FROM task WHERE queue = no AND state = ${IN_SET})) AS joinedMs,
    (SELECT count(*) FROM (SELECT DISTINCT in_group FROM task WHERE queue = no AND state = ${AGGREGATING})) AS groups
    FROM queue WHERE no = :queue`);

  return {
    queues: (): Packet<string[]> => plain(queues.names()),

    /** A queue that was only paused is in the file, but counts as not existing: it was never used. */
    exists: ({ data }: Packet<{ readonly queue: string }>): Packet<boolean> =>
      plain(queues.find(data.queue)?.used ?? false),

    /** One row per queue, in the order of the request. */
    queueFacts({ data }: Packet<readonly string[]>, { wallMs }: Now): Packet<FactsRow[]> {
      const factsOf = (name: string): FactsRow => {
        const entry = queues.find(name);
        const row = entry && facts.get({ queue: entry.number });
        if (!row) return NO_FACTS;
        const { pauseReason, pendingSinceMs, joinedMs, ...sums } = row;
        return {
          counts: entry.counts,
          paused: entry.paused,
          pauseReason,
          oldestPendingMs: pendingSinceMs === null ? null : Math.max(0, wallMs - pendingSinceMs),
          oldestAggregatingMs: joinedMs === null ? null : Math.max(0, wallMs - joinedMs),
          ...sums,
          totals: totalsOf(entry.totals, sums),
          anomalies: NO_ANOMALIES,
        };
      };
      return plain(data.map(factsOf));
    },
  };
}

/** Requests about the businesses of queues. */
function createBusinessHandlers({ database, queues }: Store) {
  const held = database.named<{ queue: number; business: string }, object>(
    'SELECT 1 FROM queue_business WHERE queue = :queue AND business = :business',
  );

  return {
    /** One flag per queue, in the order of the request. */
    haveHeld({ data }: Packet<HaveHeldRequest>): Packet<boolean[]> {
      const hasHeld = (name: string): boolean => {
        const queue = queues.find(name)?.number;
        return queue !== undefined && data.businesses.some((business) => held.get({ queue, business }));
      };
      return plain(data.queues.map(hasHeld));
    },
  };
}

/** What the queries of pages are run with. Each takes of it what it has parameters for. */
type PageParams = PageCursor &
  Omit<ListPageRequest, 'queue' | 'after' | 'businesses'> & { readonly queue: number };

/** A row that was found for a page. */
type ListedRow = PageCursor & { readonly business: string | null };

/** Makes the function that finds the tasks of a page of a list. */
function createPageFinder({ database }: Store) {
  const find = (at: string, condition: string) =>
    database.named<PageParams, ListedRow>(`SELECT ${at} AS at, seq, business FROM task
      WHERE queue = :queue AND ${condition} AND (${at}, seq) > (:at, :seq) ORDER BY ${at}, seq LIMIT :limit`);
  const page = find('at', 'state = :state');
  // A renewal changes a lease's end, which is `at`; the start of the attempt stays, and with it the order of the pages.
  const activePage = find('started_ms', `state = ${ACTIVE}`);
  const groupPage = find('at', `state = ${AGGREGATING} AND in_group = :group`);

  return (params: PageParams): ListedRow[] => {
    if (params.state === ACTIVE) return activePage.all(params);
    return params.state === AGGREGATING ? groupPage.all(params) : page.all(params);
  };
}

/**
 * The part of a list that a page is made of. `found`: the rows of these businesses. `behind`: the last row that was looked at,
 * if the list goes on; a page that has not all of `found` ends earlier.
 */
function chooseRows(rows: readonly ListedRow[], { businesses, limit }: ListPageRequest) {
  if (businesses === null) return { found: rows, behind: null };
  const wanted = new Set<string | null>(businesses);
  const looked = rows.slice(0, MAX_SCANNED);
  // One more than the limit, which tells whether there is a next page.
  const found = looked
    .filter(({ business }) => business !== null && wanted.has(business))
    .slice(0, limit + 1);
  return { found, behind: rows.length > MAX_SCANNED ? (looked.at(-1) ?? null) : null };
}

/** Requests about tasks: one by its ID, or a list by state. */
function createTaskHandlers(store: Store) {
  const { database, queues, tasks } = store;
  const find = createPageFinder(store);
  const readPage = createPageReader(store);
  const groupSize = database.named<{ queue: number; group: string | null }, { size: number }>(`
    SELECT count(*) AS size FROM task WHERE queue = :queue AND state = ${AGGREGATING} AND in_group = :group`);

  return {
    /** Null = there is no such task. */
    task({ data }: Packet<TaskRef>, now: Now): Packet<RecordRow | null> {
      const found = tasks.find(data);
      if (!found) return plain(null);
      const { rows, bytes } = readPage([{ at: 0, seq: found.seq }], 1, now);
      return { data: rows[0] ?? null, bytes };
    },

    list({ data }: Packet<ListPageRequest>, now: Now): Packet<ListPageAnswer> {
      const { state, limit, after, group, businesses } = data;
      const entry = queues.find(data.queue);
      const readMs = now.wallMs;
      if (!entry) return plain({ rows: [], next: null, total: 0, scanned: 0, readMs });
      const queue = entry.number;
      // One more than the limit, which tells whether there is a next page.
      const most = (businesses === null ? limit : MAX_SCANNED) + 1;
      const looked = find({ queue, state, group, ...(after ?? BEFORE_FIRST), limit: most });
      const { found, behind } = chooseRows(looked, data);
      const { rows, next: nextFound, bytes } = readPage(found, limit, now);
      const next = nextFound ?? behind;
      const total = state === AGGREGATING ? groupSize.get({ queue, group })?.size : entry.counts[state];
      const scanned = businesses === null ? rows.length : Math.min(looked.length, MAX_SCANNED);
      return { data: { rows, next, total: total ?? 0, scanned, readMs }, bytes };
    },
  };
}

/** Tasks of a state, and schedules, that are measured to estimate all of them. */
const SAMPLE = 20;
/** Approximate size of a task without its payload, with its entries in the indexes. */
const ROW_BYTES = 400;

/** The same of a schedule without its texts, and of a line of its history. */
const SCHEDULE_BYTES = 400;
const FIRE_BYTES = 150;

export interface HistoryRequest {
  readonly queue: string;
  /** How many days, today included. */
  readonly days: number;
}

/** Requests about history, size and groups. */
function createStatisticsHandlers({ database, queues }: Store) {
  const countsOfDay = database.named<{ queue: number; day: number }, Omit<DayCounts, 'day'>>(
    'SELECT processed, failed FROM counter WHERE queue = :queue AND day = :day',
  );
  const averageSize = database.named<{ queue: number; state: number }, { bytes: number | null }>(`
    SELECT avg(size) AS bytes FROM (SELECT size FROM task WHERE queue = :queue AND state = :state
    ORDER BY at LIMIT ${SAMPLE})`);
  const scheduleSize = database.named<{ queue: number }, { bytes: number | null }>(`
    SELECT avg(bytes) AS bytes FROM (SELECT ${SCHEDULE_BYTES} + length(ledger) + length(open)
      + (SELECT length(spec) FROM schedule_spec WHERE schedule = no)
      + ${FIRE_BYTES} * (SELECT count(*) FROM fire WHERE schedule = no) AS bytes
    FROM schedule WHERE queue = :queue ORDER BY name LIMIT ${SAMPLE})`);
  const groupSizes = database.named<{ queue: number }, GroupSize>(`
    SELECT in_group AS "group", count(*) AS size FROM task WHERE queue = :queue AND state = ${AGGREGATING}
    GROUP BY in_group ORDER BY in_group LIMIT ${MAX_LISTED_GROUPS}`);

  return {
    /** Today first. */
    history({ data }: Packet<HistoryRequest>, { wallMs }: Now): Packet<DayCounts[]> {
      const entry = queues.find(data.queue);
      const rows = Array.from({ length: data.days }, (_, daysAgo): DayCounts => {
        const ms = wallMs - daysAgo * DAY_MS;
        const counts = entry && countsOfDay.get({ queue: entry.number, day: dayOf(ms) });
        return { day: new Date(ms).toISOString().slice(0, 10), processed: 0, failed: 0, ...counts };
      });
      return plain(rows);
    },

    /** Estimated, bytes. */
    memoryUsage({ data }: Packet<{ readonly queue: string }>): Packet<number> {
      const entry = queues.find(data.queue);
      let bytes = 0;
      entry?.counts.forEach((count, state) => {
        if (count === 0) return;
        bytes += count * (ROW_BYTES + (averageSize.get({ queue: entry.number, state })?.bytes ?? 0));
      });
      if (entry && entry.schedules > 0)
        bytes += entry.schedules * (scheduleSize.get({ queue: entry.number })?.bytes ?? 0);
      return plain(Math.floor(bytes));
    },

    groups({ data }: Packet<{ readonly queue: string }>): Packet<GroupSize[]> {
      const entry = queues.find(data.queue);
      return plain(entry ? groupSizes.all({ queue: entry.number }) : []);
    },
  };
}

export function createInspectHandlers(store: Store) {
  const { database, queues } = store;
  // The stored ID of a task of a business is `<business>.<id>`. The index `task_owned` finds it by the plain ID.
  const find = database.named<{ queue: number; id: string }, Omit<FoundTask, 'queue'>>(`
    SELECT id, business FROM task WHERE queue = :queue AND id = :id AND business IS NULL
    UNION ALL SELECT id, business FROM task
    WHERE queue = :queue AND business IS NOT NULL AND substr(id, length(business) + 2) = :id
    ORDER BY 2`);

  return {
    ...createQueueHandlers(store),
    ...createBusinessHandlers(store),
    ...createTaskHandlers(store),
    ...createStatisticsHandlers(store),

    /** Tasks with this plain ID: one of no business, then those of businesses by name. */
    find({ data }: Packet<FindRequest>): Packet<FoundTask[]> {
      const findIn = (queue: string): FoundTask[] => {
        const entry = queues.find(queue);
        const rows = entry ? find.all({ queue: entry.number, id: data.id }) : [];
        return rows.map((row) => ({ queue, ...row }));
      };
      return plain(data.queues.flatMap(findIn));
    },
  };
}
