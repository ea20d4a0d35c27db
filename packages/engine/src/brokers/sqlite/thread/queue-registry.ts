// The writer thread's copy of the queues in memory: their numbers in the file, pause flags and counts by state.
import { NO_TOTALS, OWN_TOTALS, type OwnTotal } from '../../../broker/totals.ts';
import {
  ACTIVE,
  ARCHIVED,
  CANCELLED,
  PENDING,
  RETRY,
  SCHEDULED,
  STATES,
  type QueueChange,
  type StateNumber,
} from '../states.ts';
import type { Database } from './database.ts';

/** A queue as the writer thread keeps it in memory. */
export interface QueueEntry {
  /** Its number in the file. */
  readonly number: number;
  readonly name: string;
  /** Whether tasks were ever stored in it. */
  used: boolean;
  paused: boolean;
  /** Number of tasks by state. Exact, since this process alone writes to the file. */
  readonly counts: number[];
  /** What has happened in it since it exists. */
  readonly totals: Record<OwnTotal, number>;
  /** Number of its schedules. */
  schedules: number;
  /** When its schedules must be looked at next; null = none waits, undefined = the file must be asked. */
  nextLookMs: number | null | undefined;
  /** Number of tasks of its schedules that have not ended. While it is 0, ends of tasks pay for nothing more. */
  runs: number;
  /** Businesses that the file remembers for it; not all of them, only those that were met since the file was opened. */
  readonly businesses: Set<string>;
}

export interface StateMove {
  /** Null: the tasks are new. */
  readonly from: StateNumber | null;
  /** Null: the tasks were removed. */
  readonly to: StateNumber | null;
  readonly count: number;
}

/** Names of businesses that a queue holds in memory. Those of further ones are written each time, which changes nothing. */
const MAX_BUSINESSES = 10_000;

const zeroCounts = (): number[] => STATES.map(() => 0);

const TOTALS = Object.entries(OWN_TOTALS) as [OwnTotal, string][];

/** What is counted when a stored task changes to this state. */
const TOTAL_OF_MOVE: Partial<Record<StateNumber, OwnTotal>> = {
  [ACTIVE]: 'started',
  [RETRY]: 'retried',
  [ARCHIVED]: 'archived',
  [CANCELLED]: 'cancelled',
};

/** The earlier of two times; null = there is none. */
const earlierOf = (first: number | null, second: number | null): number | null =>
  first === null || second === null ? (first ?? second) : Math.min(first, second);

type QueueRow = Readonly<
  { number: number; name: string; used: number; paused: number } & Record<OwnTotal, number>
>;

function statementsOf(database: Database) {
  const minOf = (state: StateNumber) =>
    `(SELECT min(at) FROM task WHERE queue = :queue AND state = ${state})`;
  return {
    queues: database.named<void, QueueRow>(
      `SELECT no AS number, name, used, paused_ms IS NOT NULL AS paused,
        ${TOTALS.map(([name, column]) => `${column} AS ${name}`).join(', ')} FROM queue`,
    ),
    writeTotals: database.named<{ queue: number } & Record<OwnTotal, number>>(
      `UPDATE queue SET ${TOTALS.map(([name, column]) => `${column} = :${name}`).join(', ')} WHERE no = :queue`,
    ),
    schedules: database.named<void, { queue: number; schedules: number; runs: number }>(`
      SELECT queue, count(DISTINCT no) AS schedules, count(seq) AS runs
      FROM schedule LEFT JOIN schedule_run ON schedule = no AND seq IS NOT NULL GROUP BY queue`),
    nextLook: database.named<{ queue: number }, { ms: number | null }>(
      'SELECT min(look_ms) AS ms FROM schedule WHERE queue = :queue AND look_ms IS NOT NULL',
    ),
    counts: database.named<void, { queue: number; state: number; count: number }>(
      'SELECT queue, state, count(*) AS count FROM task GROUP BY queue, state',
    ),
    add: database.named<{ name: string; used: number }, { number: number }>(
      'INSERT INTO queue (name, used) VALUES (:name, :used) RETURNING no AS number',
    ),
    forget: database.named<{ queue: number }>(`
      UPDATE queue SET used = 0, paused_ms = NULL, pause_reason = NULL, processed = 0, failed = 0
      WHERE no = :queue`),
    addBusiness: database.named<{ queue: number; business: string }>(
      'INSERT OR IGNORE INTO queue_business (queue, business) VALUES (:queue, :business)',
    ),
    forgetBusinesses: database.named<{ queue: number }>('DELETE FROM queue_business WHERE queue = :queue'),
    use: database.named<{ queue: number }>('UPDATE queue SET used = 1 WHERE no = :queue'),
    nextDue: database.named<{ queue: number }, { scheduled: number | null; retry: number | null }>(
      `SELECT ${minOf(SCHEDULED)} AS scheduled, ${minOf(RETRY)} AS retry`,
    ),
  };
}

const newEntry = (number: number, name: string): QueueEntry => ({
  number,
  name,
  used: false,
  paused: false,
  counts: zeroCounts(),
  totals: { ...NO_TOTALS },
  schedules: 0,
  nextLookMs: undefined,
  runs: 0,
  businesses: new Set(),
});

function readAll(sql: ReturnType<typeof statementsOf>): Map<string, QueueEntry> {
  const byNumber = new Map<number, QueueEntry>();
  for (const { number, name, used, paused, ...totals } of sql.queues.all())
    byNumber.set(number, { ...newEntry(number, name), used: used === 1, paused: paused === 1, totals });
  for (const { queue, state, count } of sql.counts.all()) {
    const entry = byNumber.get(queue);
    if (entry) entry.counts[state] = count;
  }
  for (const { queue, schedules, runs } of sql.schedules.all())
    Object.assign(byNumber.get(queue) ?? {}, { schedules, runs });
  return new Map([...byNumber.values()].map((entry) => [entry.name, entry]));
}

/**
 * The queues of the file, by name, with counts that would be slow to query. Every change of a state is reported to it. After
 * a rollback the counts are wrong: call `reload`.
 */
export class QueueRegistry {
  readonly #sql: ReturnType<typeof statementsOf>;
  #entries: Map<string, QueueEntry>;
  /** Queues written to since the last `takeChanges`. */
  readonly #touched = new Set<string>();
  /** Queues with totals that the file does not have yet. */
  readonly #counted = new Set<QueueEntry>();

  constructor(database: Database) {
    this.#sql = statementsOf(database);
    this.#entries = readAll(this.#sql);
  }

  find(name: string): QueueEntry | undefined {
    return this.#entries.get(name);
  }

  /** The queue, created if it is missing. `used`: tasks are about to be stored in it. */
  ensure(name: string, used: boolean): QueueEntry {
    const entry = this.#entries.get(name) ?? this.#add(name, used);
    if (used && !entry.used) {
      this.#sql.use.run({ queue: entry.number });
      entry.used = true;
    }
    return entry;
  }

  #add(name: string, used: boolean): QueueEntry {
    const { number } = this.#sql.add.get({ name, used: used ? 1 : 0 })!;
    const entry: QueueEntry = { ...newEntry(number, name), used };
    this.#entries.set(name, entry);
    return entry;
  }

  /** Counts tasks that changed their state. */
  recordMove(entry: QueueEntry, { from, to, count }: StateMove): void {
    if (count === 0) return;
    const { name, counts } = entry;
    if (from !== null) counts[from] = (counts[from] ?? 0) - count;
    if (to !== null) counts[to] = (counts[to] ?? 0) + count;
    this.#touched.add(name);
    const total = from === null ? 'enqueued' : to === null ? undefined : TOTAL_OF_MOVE[to];
    if (total !== undefined) this.count(entry, total, count);
  }

  /** Adds to a total of the queue. */
  count(entry: QueueEntry, total: OwnTotal, count: number): void {
    entry.totals[total] += count;
    this.#counted.add(entry);
  }

  /** Writes the totals that have changed: one row per queue, however many calls share the transaction. */
  writeTotals(): void {
    for (const { number: queue, totals } of this.#counted) this.#sql.writeTotals.run({ queue, ...totals });
    this.#counted.clear();
  }

  /** Remembers that the business has had a task in the queue. */
  recordBusiness({ number, businesses }: QueueEntry, business: string): void {
    if (businesses.has(business)) return;
    this.#sql.addBusiness.run({ queue: number, business });
    if (businesses.size < MAX_BUSINESSES) businesses.add(business);
  }

  recordPause(entry: QueueEntry, paused: boolean): void {
    entry.paused = paused;
    this.#touched.add(entry.name);
  }

  /** The next look at its schedules may have changed. */
  recordLook(entry: QueueEntry): void {
    entry.nextLookMs = undefined;
    this.#touched.add(entry.name);
  }

  /** Resets the queue's counters, totals, pause and businesses in the file, and leaves it out of `names()` until it is used again. */
  forget(entry: QueueEntry): void {
    this.#sql.forget.run({ queue: entry.number });
    this.#sql.forgetBusinesses.run({ queue: entry.number });
    entry.businesses.clear();
    Object.assign(entry.totals, NO_TOTALS);
    this.#counted.add(entry);
    entry.used = false;
    entry.paused = false;
    this.#touched.add(entry.name);
  }

  /** Queues that were ever used and not forgotten, sorted. */
  names(): string[] {
    return [...this.#entries.values()].flatMap(({ name, used }) => (used ? [name] : [])).sort();
  }

  /** The queues written to since the last call, for the main thread; with `all`, every queue. */
  takeChanges(all = false): QueueChange[] {
    const names = all ? [...this.#entries.keys()] : [...this.#touched];
    this.#touched.clear();
    return names.flatMap((name) => this.#changeOf(name));
  }

  #changeOf(name: string): QueueChange[] {
    const entry = this.#entries.get(name);
    if (!entry) return [];
    const { number: queue, counts, paused, schedules } = entry;
    const isDelayed = (counts[SCHEDULED] ?? 0) + (counts[RETRY] ?? 0) > 0;
    const next = isDelayed ? this.#sql.nextDue.get({ queue }) : undefined;
    const nextDueMs = earlierOf(next?.scheduled ?? null, next?.retry ?? null);
    // Most changes of a queue leave its schedules as they are.
    if (entry.nextLookMs === undefined)
      entry.nextLookMs = schedules > 0 ? (this.#sql.nextLook.get({ queue })?.ms ?? null) : null;
    const { nextLookMs } = entry;
    return [{ name, pending: counts[PENDING] ?? 0, paused, nextDueMs, nextLookMs }];
  }

  /** Reads all queues and counts from the file again. */
  reload(): void {
    this.#entries = readAll(this.#sql);
    this.#touched.clear();
    this.#counted.clear();
  }
}
