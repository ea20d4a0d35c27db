// Finding and repairing stored data that must not exist. Runs in the writer thread; its calls come from
// main/facets/check.ts. Besides the rules it checks the file itself and the counts in memory.
import type { Fault, Candidate } from '../../../../broker/check.ts';
import { plain, type Packet } from '../../packing.ts';
import type { SqlValue } from '../driver/driver.ts';
import type { QueueEntry } from '../queue-registry.ts';
import { STATES } from '../../states.ts';
import type { Now, Store } from '../store.ts';
import { RULES } from './check-rules.ts';

/** Asks for a page of candidates. */
export interface CheckPageRequest {
  /** Null = the whole file. */
  readonly queue: string | null;
  /** A name of `CHECKS`. */
  readonly what: string;
  /** The last name of the page before; null = from the start. */
  readonly after: SqlValue;
}

/** Asks to examine candidates: all belong to one queue, or all to the whole file. */
export interface CheckExamineRequest {
  /** Null = the whole file. */
  readonly queue: string | null;
  readonly candidates: readonly Pick<Candidate, 'what' | 'name'>[];
  /** False = only report. */
  readonly repair: boolean;
}

// Checks besides the rules: the file itself, and the counts in memory.
const FILE = 'file';
const COUNTS = 'counts';

/** The names of the checks. The order matters: repairs may reveal faults, which a later check then finds. */
export const CHECKS = {
  perFile: [FILE, ...Object.keys(RULES).filter((what) => !RULES[what]!.perQueue)],
  perQueue: [...Object.keys(RULES).filter((what) => RULES[what]!.perQueue), COUNTS],
} as const;

/** Names on one page. */
const NAMES_PER_PAGE = 500;

/** Columns that name rows by numbers. */
const NUMBERED: ReadonlySet<string> = new Set(['seq', 'queue', 'schedule']);

/** Where a rule is checked. */
interface Scope {
  /** Null = the whole file. */
  readonly entry: QueueEntry | null;
  readonly nowMs: number;
}

/** What the SQL of a rule is run with. */
interface RuleParams {
  /** The queue's number; null = the whole file. */
  readonly queue: number | null;
  readonly nowMs: number;
}

/** Prepares the statements of a rule. */
function createRule(store: Store, what: string) {
  const { name, rows, condition, repair, kind, found, done } = RULES[what]!;
  const { database } = store;
  const page = database.named<RuleParams & { after: SqlValue }, { name: SqlValue }>(`
    SELECT ${name} AS name FROM ${rows} WHERE ${condition} AND (:after IS NULL OR ${name} > :after)
    ORDER BY ${name} LIMIT ${NAMES_PER_PAGE}`);
  const violation = database.named<RuleParams & { name: SqlValue }, object>(
    `SELECT 1 FROM ${rows} WHERE ${condition} AND ${name} = :name`,
  );
  const repairRow = repair(store);
  const queueOf = ({ entry }: Scope) => entry?.number ?? null;
  return {
    page: (scope: Scope, after: SqlValue): SqlValue[] =>
      page.all({ queue: queueOf(scope), nowMs: scope.nowMs, after }).map((row) => row.name),

    examine(scope: Scope, text: string, isRepair: boolean): Fault | null {
      const row = { name: NUMBERED.has(name) ? Number(text) : text, ...scope };
      if (!violation.get({ queue: queueOf(scope), ...row })) return null;
      if (isRepair) repairRow(row);
      return { kind, found, done: isRepair ? done : null };
    },
  };
}

/** Reads the queue registry from the file again, and reports all queues to the main thread as changed. */
function recount({ queues }: Store): void {
  // What this transaction has counted so far is in memory only.
  queues.writeTotals();
  queues.reload();
  for (const name of queues.names()) {
    const entry = queues.find(name);
    if (entry) queues.recordPause(entry, entry.paused);
  }
}

/** Makes the check that compares a queue's counts in memory with its tasks in the file. */
function createCountsCheck(store: Store) {
  const countByState = store.database.named<{ queue: number }, { state: number; count: number }>(
    'SELECT state, count(*) AS count FROM task WHERE queue = :queue GROUP BY state',
  );

  return (queue: string, repair: boolean): Fault | null => {
    const entry = store.queues.find(queue);
    if (!entry) return null;
    const rows = countByState.all({ queue: entry.number });
    const stored = new Map(rows.map(({ state, count }) => [state, count]));
    const wrongState = STATES.findIndex(
      (_, state) => (entry.counts[state] ?? 0) !== (stored.get(state) ?? 0),
    );
    if (wrongState < 0) return null;
    const counted = entry.counts[wrongState] ?? 0;
    const found = `${counted} ${STATES[wrongState]} tasks counted, but ${stored.get(wrongState) ?? 0} stored`;
    if (repair) recount(store);
    return { kind: 'counter', found, done: repair ? 'counted again' : null };
  };
}

/** Makes the check of the file's structure. Each problem that SQLite reports is a candidate; none can be repaired. */
function createFileCheck({ database }: Store) {
  const integrity = database.prepare('PRAGMA integrity_check(20)');
  return {
    names: (): string[] =>
      integrity.all().flatMap(([text]) => (text === 'ok' ? [] : String(text).split('\n'))),
    fault: (name: string): Fault => ({ kind: 'damage', found: name, done: null }),
  };
}

export function createCheckHandlers(store: Store) {
  // Statements are prepared when a rule is first used: most processes never check their file.
  const prepared = new Map<string, ReturnType<typeof createRule>>();
  function ruleOf(what: string): ReturnType<typeof createRule> {
    const rule = prepared.get(what) ?? createRule(store, what);
    prepared.set(what, rule);
    return rule;
  }
  const checkCounts = createCountsCheck(store);
  const file = createFileCheck(store);
  // Without an entry the rules of a queue find nothing: no task has the queue null.
  const scopeOf = (queue: string | null, nowMs: number): Scope => ({
    entry: queue === null ? null : (store.queues.find(queue) ?? null),
    nowMs,
  });

  function examine(
    { what, name }: Pick<Candidate, 'what' | 'name'>,
    request: CheckExamineRequest,
    nowMs: number,
  ) {
    if (what === FILE) return file.fault(name);
    if (what === COUNTS) return checkCounts(name, request.repair);
    return ruleOf(what).examine(scopeOf(request.queue, nowMs), name, request.repair);
  }

  return {
    /** The next page of names that a check finds; empty = there are no more. */
    checkPage({ data }: Packet<CheckPageRequest>, { wallMs }: Now): Packet<SqlValue[]> {
      const { queue, what, after } = data;
      if (what === FILE) return plain(after === null ? file.names() : []);
      if (what === COUNTS) return plain(after === null ? [queue] : []);
      return plain(ruleOf(what).page(scopeOf(queue, wallMs), after));
    },

    /** Examines candidates again, and repairs them if asked. Counts come last: a repair of rows recounts first. */
    checkExamine({ data }: Packet<CheckExamineRequest>, { wallMs }: Now): Packet<(Fault | null)[]> {
      const ofRows = data.candidates.filter(({ what }) => what !== COUNTS);
      const faults = new Map<unknown, Fault | null>(
        ofRows.map((candidate) => [candidate, examine(candidate, data, wallMs)]),
      );
      if (data.repair && [...faults.values()].some((fault) => fault !== null)) recount(store);
      return plain(
        data.candidates.map((candidate) => faults.get(candidate) ?? examine(candidate, data, wallMs)),
      );
    },
  };
}
