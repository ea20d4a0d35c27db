// Reading what is stored: queues, tasks, lists, history. Changes nothing. Runs in the writer thread; its calls come from
// main/facets/inspect.ts.
import { DAY_MS } from '@task-center/model';
import { plain, type Bytes, type Packet } from '../../packing.ts';
import { ACTIVE, AGGREGATING, STATES, type StateNumber } from '../../states.ts';
import type { SqlValue } from '../database.ts';
import type { Now, Store } from '../store.ts';
import { createAttempts } from '../tables/attempts.ts';
import type { RefCall } from './control.ts';

export interface FactsRow {
  /** By state number. */
  readonly counts: readonly number[];
  readonly paused: boolean;
  readonly pauseReason: string | null;
  readonly oldestPendingMs: number | null;
  readonly processed: number;
  readonly failed: number;
  readonly groups: number;
  readonly anomalies: typeof NO_ANOMALIES;
}

/** A task's columns, by name. Its payload and its result are two items of the packet's bytes: row n has 2n and 2n + 1. */
export type RecordRow = Readonly<Record<(typeof COLUMNS)[number], SqlValue>> & {
  readonly attemptRecords: readonly string[];
  /** The task is active, but its lease has expired. */
  readonly leaseIsOver: boolean;
};

/** A page begins after the task with this `at` and this row. Active tasks are listed by their start instead of `at`. */
export type PageCursor = readonly [at: number, seq: number];

export interface ListCall {
  readonly queue: string;
  readonly state: StateNumber;
  readonly limit: number;
  readonly after: PageCursor | null;
  /** With the state aggregating only. */
  readonly group: string | null;
}

export interface ListReply {
  readonly rows: readonly RecordRow[];
  readonly next: PageCursor | null;
  readonly total: number;
}

export interface FindCall {
  readonly queues: readonly string[];
  readonly id: string;
}

export type FoundRow = readonly [queue: string, id: string, business: string | null];

// prettier-ignore
const COLUMNS = [
  'state', 'at', 'id', 'type', 'max_retries', 'retried', 'timeout_ms', 'deadline_ms', 'retention_ms', 'meta', 'headers',
  'attempts', 'crashes', 'deferrals', 'pending_since_ms', 'started_ms', 'worker', 'finished_ms', 'failed_ms',
  'last_error', 'cancel', 'in_group',
] as const;

/** A page ends early when its payloads and results have more bytes than this, since it travels in one message. */
export const MAX_PAGE_BYTES = 4 * 1_024 * 1_024;
export const BEFORE_FIRST: PageCursor = [Number.MIN_SAFE_INTEGER, 0];
const SELECT_RECORD = `
  SELECT ifnull(task.payload, body.payload), body.result, ${COLUMNS.join(', ')}
  FROM task LEFT JOIN body ON body.seq = task.seq`;

/** Records read so far, with their payloads and results. */
export interface RecordBuffer {
  readonly rows: RecordRow[];
  readonly bytes: Bytes[];
}

/** There are no anomalies, since no other program writes to the file. */
const NO_ANOMALIES = { dropped: 0, archived: 0, renamedKeys: 0 };

/** Facts of a queue that does not exist. */
const NO_FACTS: FactsRow = {
  counts: STATES.map(() => 0),
  paused: false,
  pauseReason: null,
  oldestPendingMs: null,
  processed: 0,
  failed: 0,
  groups: 0,
  anomalies: NO_ANOMALIES,
};

/** Requests about queues. The counts are those of the registry: no query has to count tasks. */
function createQueueHandlers({ database, queues }: Store) {
  const facts = database.prepare(`SELECT pause_reason, processed, failed,
    (SELECT pending_since_ms FROM task WHERE queue = no AND state = 1 ORDER BY at LIMIT 1),
    (SELECT count(*) FROM (SELECT DISTINCT in_group FROM task WHERE queue = no AND state = 7))
    FROM queue WHERE no = ?`);

  return {
    queues: (): Packet<readonly string[]> => plain(queues.names()),

    exists: ({ data }: Packet<{ readonly queue: string }>): Packet<boolean> =>
      plain(queues.find(data.queue)?.used ?? false),

    queueFacts({ data }: Packet<readonly string[]>, { wallMs }: Now): Packet<readonly FactsRow[]> {
      const factsOf = (name: string): FactsRow => {
        const entry = queues.find(name);
        const row = entry && facts.get(entry.number);
        if (!row) return NO_FACTS;
        const [pauseReason, processed, failed, pendingSinceMs, groups] = row;
        return {
          counts: entry.counts,
          paused: entry.paused,
          pauseReason: pauseReason as string | null,
          oldestPendingMs: pendingSinceMs === null ? null : Math.max(0, wallMs - Number(pendingSinceMs)),
          processed: Number(processed),
          failed: Number(failed),
          groups: Number(groups),
          anomalies: NO_ANOMALIES,
        };
      };
      return plain(data.map(factsOf));
    },
  };
}

/** Makes the function that reads whole tasks by their row. */
export function createRecordReader({ database }: Store) {
  const attempts = createAttempts(database);
  const read = database.prepare(`${SELECT_RECORD} WHERE task.seq = ?`);

  /** Adds a task's record to the buffer. Returns the size of its payload and its result, bytes. */
  return ({ rows, bytes }: RecordBuffer, seq: number, { monotonicMs }: Now): number => {
    const [payload, result, ...values] = read.get(seq) ?? [];
    const columns = Object.fromEntries(COLUMNS.map((name, index) => [name, values[index] ?? null]));
    const attemptRecords = columns['attempts'] === 0 ? [] : attempts.list(seq);
    const leaseIsOver = columns['state'] === ACTIVE && Number(columns['at']) <= monotonicMs;
    rows.push({ ...columns, attemptRecords, leaseIsOver } as unknown as RecordRow);
    bytes.push(payload as Bytes, result as Bytes);
    return ((payload as Bytes)?.length ?? 0) + ((result as Bytes)?.length ?? 0);
  };
}

/** Requests about tasks: one by its ID, or a list by state. */
function createTaskHandlers(store: Store) {
  const { database, queues } = store;
  const read = createRecordReader(store);
  const findTask = database.prepare('SELECT seq FROM task WHERE queue = ? AND id = ?');
  const page = database.prepare(
    'SELECT at, seq FROM task WHERE queue = ? AND state = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?',
  );
  // A renewal changes a lease's end, which is `at`; the start of the attempt stays, and with it the order of the pages.
  const activePage = database.prepare(`SELECT started_ms, seq FROM task
    WHERE queue = ? AND state = ? AND (started_ms, seq) > (?, ?) ORDER BY started_ms, seq LIMIT ?`);
  const groupPage = database.prepare(`SELECT at, seq FROM task
    WHERE queue = ?1 AND state = 7 AND in_group = ?6 AND ?2 = 7 AND (at, seq) > (?3, ?4) ORDER BY at, seq LIMIT ?5`);
  const groupSize = database.prepare(
    'SELECT count(*) FROM task WHERE queue = ? AND state = 7 AND in_group = ?',
  );
  const pageOf = (state: StateNumber) =>
    state === ACTIVE ? activePage : state === AGGREGATING ? groupPage : page;
  /** Parameter ?6, which only `groupPage` has. */
  const groupParameter = (state: StateNumber, group: string | null) => (state === AGGREGATING ? [group] : []);

  return {
    /** Null = there is no such task. */
    task({ data }: Packet<RefCall>, now: Now): Packet<RecordRow | null> {
      const entry = queues.find(data.queue);
      const [seq] = (entry && findTask.get(entry.number, data.id)) ?? [];
      const records: RecordBuffer = { rows: [], bytes: [] };
      if (seq !== undefined) read(records, Number(seq), now);
      return { data: records.rows[0] ?? null, bytes: records.bytes };
    },

    list({ data }: Packet<ListCall>, now: Now): Packet<ListReply> {
      const { queue, state, limit, after, group } = data;
      const entry = queues.find(queue);
      if (!entry) return plain({ rows: [], next: null, total: 0 });
      // One more than the limit, which tells whether there is a next page.
      const values = [...(after ?? BEFORE_FIRST), limit + 1, ...groupParameter(state, group)];
      const found = pageOf(state).all(entry.number, state, ...values) as PageCursor[];
      const records: RecordBuffer = { rows: [], bytes: [] };
      let bytesLeft = MAX_PAGE_BYTES;
      for (const [, seq] of found.slice(0, limit)) {
        bytesLeft -= read(records, seq, now);
        if (bytesLeft <= 0) break;
      }
      const { length } = records.rows;
      const next = length < found.length ? (found[length - 1] ?? null) : null;
      const total = state === AGGREGATING ? groupSize.get(entry.number, group)?.[0] : entry.counts[state];
      return { data: { rows: records.rows, next, total: Number(total ?? 0) }, bytes: records.bytes };
    },
  };
}

/** Tasks of a state whose payloads are measured, to estimate those of all its tasks. */
const SAMPLE = 20;
/** Approximate size of a task without its payload, with its entries in the indexes. */
const ROW_BYTES = 400;
const MAX_GROUPS = 10_000;

export interface HistoryCall {
  readonly queue: string;
  /** How many days, today included. */
  readonly days: number;
}
export type DayRow = readonly [day: string, processed: number, failed: number];

/** Requests about history, size and groups. */
function createStatisticsHandlers({ database, queues }: Store) {
  const countsOfDay = database.prepare('SELECT processed, failed FROM counter WHERE queue = ? AND day = ?');
  const averageSize =
    database.prepare(`SELECT avg(size) FROM (SELECT size FROM task WHERE queue = ?1 AND state = ?2
    ORDER BY at LIMIT ${SAMPLE})`);
  const groupSizes = database.prepare(`SELECT in_group, count(*) FROM task WHERE queue = ? AND state = 7
    GROUP BY in_group ORDER BY in_group LIMIT ${MAX_GROUPS}`);

  return {
    /** Today first. */
    history({ data }: Packet<HistoryCall>, { wallMs }: Now): Packet<readonly DayRow[]> {
      const entry = queues.find(data.queue);
      const rows = Array.from({ length: data.days }, (_, daysAgo): DayRow => {
        const ms = wallMs - daysAgo * DAY_MS;
        const [processed, failed] = (entry && countsOfDay.get(entry.number, Math.floor(ms / DAY_MS))) ?? [];
        return [new Date(ms).toISOString().slice(0, 10), Number(processed ?? 0), Number(failed ?? 0)];
      });
      return plain(rows);
    },

    /** Estimated, bytes. */
    memoryUsage({ data }: Packet<{ readonly queue: string }>): Packet<number> {
      const entry = queues.find(data.queue);
      let bytes = 0;
      entry?.counts.forEach((count, state) => {
        if (count > 0) bytes += count * (ROW_BYTES + Number(averageSize.get(entry.number, state)?.[0] ?? 0));
      });
      return plain(Math.floor(bytes));
    },

    groups({ data }: Packet<{ readonly queue: string }>): Packet<readonly (readonly [string, number])[]> {
      const entry = queues.find(data.queue);
      const rows = entry ? groupSizes.all(entry.number) : [];
      return plain(rows.map(([group, size]) => [String(group), Number(size)] as const));
    },
  };
}

export function createInspectHandlers(store: Store) {
  const { database, queues } = store;
  // The stored ID of a task of a business is `<business>.<id>`. The index `task_owned` finds it by the plain ID.
  const find = database.prepare(`
    SELECT id, business FROM task WHERE queue = ?1 AND id = ?2 AND business IS NULL
    UNION ALL SELECT id, business FROM task
    WHERE queue = ?1 AND business IS NOT NULL AND substr(id, length(business) + 2) = ?2
    ORDER BY 2`);

  return {
    ...createQueueHandlers(store),
    ...createTaskHandlers(store),
    ...createStatisticsHandlers(store),

    /** Tasks with this plain ID: one of no business, then those of businesses by name. */
    find({ data }: Packet<FindCall>): Packet<readonly FoundRow[]> {
      const findIn = (queue: string): FoundRow[] => {
        const entry = queues.find(queue);
        if (!entry) return [];
        return find
          .all(entry.number, data.id)
          .map(([id, business]) => [queue, String(id), business as string | null]);
      };
      return plain(data.queues.flatMap(findIn));
    },
  };
}
