import { plain, type Bytes, type Packet } from '../../packing.ts';
import { ACTIVE, AGGREGATING, STATES, type StateNumber } from '../../states.ts';
import type { SqlValue } from '../database.ts';
import type { Now, Store } from '../store.ts';
import { createAttempts } from '../tables/attempts.ts';
import type { RefCall } from './control.ts';

export interface FactsRow {
  readonly counts: readonly number[];
  readonly paused: boolean;
  readonly pauseReason: string | null;
  readonly oldestPendingMs: number | null;
  readonly processed: number;
  readonly failed: number;
  readonly groups: number;
  readonly anomalies: typeof NO_ANOMALIES;
}

/** The columns of a task that a record is made of, by name; its payload and result are two places of the bytes. */
export type RecordRow = Readonly<Record<(typeof COLUMNS)[number], SqlValue>> & {
  readonly attemptRecords: readonly string[];
  /** Active, with a lease that is over. */
  readonly leaseIsOver: boolean;
};

/** Where a page begins: after the task with this place and row. */
export type Place = readonly [at: number, seq: number];

export interface ListCall {
  readonly queue: string;
  readonly state: StateNumber;
  readonly limit: number;
  readonly after: Place | null;
  /** With the state aggregating only. */
  readonly group: string | null;
}

export interface ListReply {
  readonly rows: readonly RecordRow[];
  readonly next: Place | null;
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

/** A page ends early when its payloads and results are more than this: one message carries it. */
export const MAX_PAGE_BYTES = 4 * 1_024 * 1_024;
export const FIRST: Place = [Number.MIN_SAFE_INTEGER, 0];
const FROM = `
  SELECT ifnull(task.payload, body.payload), body.result, ${COLUMNS.join(', ')}
  FROM task LEFT JOIN body ON body.seq = task.seq`;

export interface Records {
  readonly rows: RecordRow[];
  readonly bytes: Bytes[];
}

/** Nobody else writes to the file. */
const NO_ANOMALIES = { dropped: 0, archived: 0, renamedKeys: 0 };

const EMPTY: FactsRow = {
  counts: STATES.map(() => 0),
  paused: false,
  pauseReason: null,
  oldestPendingMs: null,
  processed: 0,
  failed: 0,
  groups: 0,
  anomalies: NO_ANOMALIES,
};

function queueOperations({ database, queues }: Store) {
  const facts = database.prepare(`SELECT pause_reason, processed, failed,
    (SELECT pending_since_ms FROM task WHERE queue = no AND state = 1 ORDER BY at LIMIT 1),
    (SELECT count(*) FROM (SELECT DISTINCT in_group FROM task WHERE queue = no AND state = 7))
    FROM queue WHERE no = ?`);

  return {
    queues: (): Packet<readonly string[]> => plain(queues.names()),

    exists: ({ data }: Packet<{ readonly queue: string }>): Packet<boolean> =>
      plain(queues.find(data.queue)?.used ?? false),

    queueFacts({ data }: Packet<readonly string[]>, { wallMs }: Now): Packet<readonly FactsRow[]> {
      const one = (name: string): FactsRow => {
        const entry = queues.find(name);
        const row = entry && facts.get(entry.no);
        if (!row) return EMPTY;
        const [reason, processed, failed, since, groups] = row;
        return {
          counts: entry.counts,
          paused: entry.paused,
          pauseReason: reason as string | null,
          oldestPendingMs: since === null ? null : Math.max(0, wallMs - Number(since)),
          processed: Number(processed),
          failed: Number(failed),
          groups: Number(groups),
          anomalies: NO_ANOMALIES,
        };
      };
      return plain(data.map(one));
    },
  };
}

export function createReader({ database }: Store) {
  const attempts = createAttempts(database);
  const read = database.prepare(`${FROM} WHERE task.seq = ?`);

  /** Adds a task's record; returns how many bytes its payload and result have. */
  return ({ rows, bytes }: Records, seq: number, { monotonicMs }: Now): number => {
    const [payload, result, ...values] = read.get(seq) ?? [];
    const columns = Object.fromEntries(COLUMNS.map((name, i) => [name, values[i] ?? null]));
    const records = columns['attempts'] === 0 ? [] : attempts.list(seq);
    const leaseIsOver = columns['state'] === ACTIVE && Number(columns['at']) <= monotonicMs;
    rows.push({ ...columns, attemptRecords: records, leaseIsOver } as unknown as RecordRow);
    bytes.push(payload as Bytes, result as Bytes);
    return ((payload as Bytes)?.length ?? 0) + ((result as Bytes)?.length ?? 0);
  };
}

function taskOperations(store: Store) {
  const { database, queues } = store;
  const read = createReader(store);
  const look = database.prepare('SELECT seq FROM task WHERE queue = ? AND id = ?');
  const page = database.prepare(
    'SELECT at, seq FROM task WHERE queue = ? AND state = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?',
  );
  // Leases move while they are renewed; the start of an attempt does not.
  const activePage = database.prepare(`SELECT started_ms, seq FROM task
    WHERE queue = ? AND state = ? AND (started_ms, seq) > (?, ?) ORDER BY started_ms, seq LIMIT ?`);
  const groupPage = database.prepare(`SELECT at, seq FROM task
    WHERE queue = ?1 AND state = 7 AND in_group = ?6 AND ?2 = 7 AND (at, seq) > (?3, ?4) ORDER BY at, seq LIMIT ?5`);
  const inGroup = database.prepare(
    'SELECT count(*) FROM task WHERE queue = ? AND state = 7 AND in_group = ?',
  );
  const pageOf = (state: StateNumber) =>
    state === ACTIVE ? activePage : state === AGGREGATING ? groupPage : page;
  const aside = (state: StateNumber, group: string | null) => (state === AGGREGATING ? [group] : []);

  return {
    task({ data }: Packet<RefCall>, moment: Now): Packet<RecordRow | null> {
      const entry = queues.find(data.queue);
      const found = entry && look.get(entry.no, data.id);
      const into: Records = { rows: [], bytes: [] };
      if (found) read(into, Number(found[0]), moment);
      return { data: into.rows[0] ?? null, bytes: into.bytes };
    },

    list({ data }: Packet<ListCall>, moment: Now): Packet<ListReply> {
      const { queue, state, limit, after, group } = data;
      const entry = queues.find(queue);
      if (!entry) return plain({ rows: [], next: null, total: 0 });
      const [at, seq] = after ?? FIRST;
      const found = pageOf(state).all(entry.no, state, at, seq, limit + 1, ...aside(state, group)) as Place[];
      const into: Records = { rows: [], bytes: [] };
      let left = MAX_PAGE_BYTES;
      for (const [, one] of found.slice(0, limit)) {
        left -= read(into, one, moment);
        if (left <= 0) break;
      }
      const { length } = into.rows;
      const next = length < found.length ? (found[length - 1] ?? null) : null;
      const total = state === AGGREGATING ? inGroup.get(entry.no, group)?.[0] : entry.counts[state];
      return { data: { rows: into.rows, next, total: Number(total ?? 0) }, bytes: into.bytes };
    },
  };
}

/** A few tasks stand for all of their state. */
const SAMPLE = 20;
/** A task's row and its entries in the indexes, besides its payload; about. */
const ROW_BYTES = 400;
const DAY_MS = 86_400_000;
const MAX_GROUPS = 10_000;

export interface HistoryCall {
  readonly queue: string;
  readonly days: number;
}
export type DayRow = readonly [day: string, processed: number, failed: number];

function statistics({ database, queues }: Store) {
  const day = database.prepare('SELECT processed, failed FROM counter WHERE queue = ? AND day = ?');
  const sample =
    database.prepare(`SELECT avg(size) FROM (SELECT size FROM task WHERE queue = ?1 AND state = ?2
    ORDER BY at LIMIT ${SAMPLE})`);
  const groups = database.prepare(`SELECT in_group, count(*) FROM task WHERE queue = ? AND state = 7
    GROUP BY in_group ORDER BY in_group LIMIT ${MAX_GROUPS}`);

  return {
    history({ data }: Packet<HistoryCall>, { wallMs }: Now): Packet<readonly DayRow[]> {
      const entry = queues.find(data.queue);
      const rows = Array.from({ length: data.days }, (_, i): DayRow => {
        const ms = wallMs - i * DAY_MS;
        const [processed, failed] = (entry && day.get(entry.no, Math.floor(ms / DAY_MS))) ?? [];
        return [new Date(ms).toISOString().slice(0, 10), Number(processed ?? 0), Number(failed ?? 0)];
      });
      return plain(rows);
    },

    memoryUsage({ data }: Packet<{ readonly queue: string }>): Packet<number> {
      const entry = queues.find(data.queue);
      let bytes = 0;
      entry?.counts.forEach((count, state) => {
        if (count > 0) bytes += count * (ROW_BYTES + Number(sample.get(entry.no, state)?.[0] ?? 0));
      });
      return plain(Math.floor(bytes));
    },

    groups({ data }: Packet<{ readonly queue: string }>): Packet<readonly (readonly [string, number])[]> {
      const entry = queues.find(data.queue);
      const rows = entry ? groups.all(entry.no) : [];
      return plain(rows.map(([group, size]) => [String(group), Number(size)] as const));
    },
  };
}

export function inspectOperations(store: Store) {
  const { database, queues } = store;
  const find = database.prepare(`
    SELECT id, business FROM task WHERE queue = ?1 AND id = ?2 AND business IS NULL
    UNION ALL SELECT id, business FROM task
    WHERE queue = ?1 AND business IS NOT NULL AND substr(id, length(business) + 2) = ?2
    ORDER BY 2`);

  return {
    ...queueOperations(store),
    ...taskOperations(store),
    ...statistics(store),

    find({ data }: Packet<FindCall>): Packet<readonly FoundRow[]> {
      const inQueue = (queue: string): FoundRow[] => {
        const entry = queues.find(queue);
        if (!entry) return [];
        return find
          .all(entry.no, data.id)
          .map(([id, business]) => [queue, String(id), business as string | null]);
      };
      return plain(data.queues.flatMap(inQueue));
    },
  };
}
