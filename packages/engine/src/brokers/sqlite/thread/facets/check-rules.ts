// What a check looks for: rows that contradict each other. No request handler leaves such rows behind; damage, or another
// program that wrote to the file, may. Runs in the writer thread.
import type { FaultKind } from '../../../../broker/check.ts';
import { OWN_TOTALS } from '../../../../broker/totals.ts';
import { AGGREGATING, CANCELLED, COMPLETED, IN_SET, PENDING, RETRY, SCHEDULED } from '../../states.ts';
import type { SqlValue } from '../driver/driver.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Store } from '../store.ts';
import { IS_CURSOR_KEY } from './cursor-key.ts';
import type { StoredTask } from '../mover.ts';

/** Finds rows by `SELECT <name> FROM <rows> WHERE <condition>`, with `:queue` = its number and `:nowMs` = the wall clock. */
export interface Rule {
  readonly kind: FaultKind;
  /** Whether it is checked for each queue, or once for the file. */
  readonly perQueue: boolean;
  /** The column that names a row. */
  readonly name: string;
  readonly rows: string;
  readonly condition: string;
  /** What is wrong, for people. */
  readonly found: string;
  /** What a repair does, for people. */
  readonly done: string;
  /** Makes the function that repairs a row. */
  readonly repair: (store: Store) => (row: FaultyRow) => void;
}

/** A row that breaks a rule. */
export interface FaultyRow {
  readonly name: SqlValue;
  /** Null = the rule is one of the whole file. */
  readonly entry: QueueEntry | null;
  readonly nowMs: number;
}

/** Columns of `queue` that only grow. */
const GROWING = ['processed', 'failed', ...Object.values(OWN_TOTALS)];

const HAS_PAYLOAD = 'EXISTS (SELECT 1 FROM body WHERE body.seq = task.seq AND body.payload IS NOT NULL)';
const HAS_SET =
  'EXISTS (SELECT 1 FROM aggregation_set WHERE aggregation_set.id = in_set AND aggregation_set.queue = :queue)';
/** Locks that a task still needs: one that is neither completed nor cancelled. */
const OWNED_LOCKS = `SELECT unique_key, id FROM task
  WHERE unique_key IS NOT NULL AND state NOT IN (${COMPLETED}, ${CANCELLED})`;

/** The task of a row that breaks a rule of its queue. Any state will do: after a repair the counts are read again. */
const taskOf = ({ name, entry }: FaultyRow): StoredTask => ({
  entry: entry!,
  seq: Number(name),
  state: SCHEDULED,
});

/** A repair by one statement, with `:name` = the row's name. */
const bySql =
  (sql: string): Rule['repair'] =>
  ({ database }) => {
    const statement = database.named<FaultyRow>(sql);
    return (row) => void statement.run(row);
  };

/** The rule of a table whose rows belong to schedules. */
const leftBehind = (table: string, found: string): Readonly<Record<string, Rule>> => ({
  [`${table}_of`]: {
    kind: 'leak',
    perQueue: false,
    name: 'schedule',
    rows: `(SELECT DISTINCT schedule FROM ${table})`,
    condition: 'schedule NOT IN (SELECT no FROM schedule)',
    found,
    done: 'removed',
    repair: bySql(`DELETE FROM ${table} WHERE schedule = :name`),
  },
});

/** The rules by name. A candidate bears the name of its rule in `what`. */
export const RULES: Readonly<Record<string, Rule>> = {
  // No list shows it and nobody takes it. In the archive people see it.
  state: {
    kind: 'mismatch',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = :queue AND state NOT BETWEEN ${SCHEDULED} AND ${IN_SET}`,
    found: 'its state is unknown',
    done: 'archived',
    repair:
      ({ tasks }) =>
      (row) =>
        tasks.archive({ ...taskOf(row), nowMs: row.nowMs }),
  },
  // Its handler could not run. Nothing can bring the payload back.
  payload: {
    kind: 'ghost',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = :queue AND size > 0 AND payload IS NULL AND NOT ${HAS_PAYLOAD}`,
    found: 'its payload is missing',
    done: 'dropped',
    repair:
      ({ tasks }) =>
      (row) =>
        void tasks.remove(taskOf(row)),
  },
  // Nobody would finish or reclaim it: both begin with the set.
  set: {
    kind: 'orphan',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = :queue AND state = ${IN_SET} AND NOT ${HAS_SET}`,
    found: 'aggregating in a set that does not exist',
    done: 'put back into its group',
    repair:
      ({ tasks }) =>
      (row) =>
        tasks.leaveSet(taskOf(row)),
  },
  // No search for ripe groups would find it.
  group: {
    kind: 'orphan',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = :queue AND state = ${AGGREGATING} AND in_group IS NULL`,
    found: 'aggregating without a group',
    done: 'pending, to run by itself',
    repair:
      ({ tasks }) =>
      (row) =>
        tasks.forward({ ...taskOf(row), order: Number(row.name), nowMs: row.nowMs }),
  },
  // It would run although somebody has asked to cancel it.
  request: {
    kind: 'mismatch',
    perQueue: true,
    name: 'seq',
    rows: 'task',
    condition: `queue = :queue AND cancel IS NOT NULL AND state IN (${SCHEDULED}, ${PENDING}, ${RETRY})`,
    found: 'it waits, yet somebody has asked to cancel it',
    done: 'cancelled',
    repair:
      ({ tasks, locks }) =>
      (row) => {
        locks.release(Number(row.name));
        tasks.endCancelling({ ...taskOf(row), nowMs: row.nowMs });
      },
  },
  tally: {
    kind: 'counter',
    perQueue: true,
    name: 'name',
    rows: 'queue',
    condition: `no = :queue AND (${GROWING.map((total) => `${total} < 0`).join(' OR ')})`,
    found: 'a counter is negative',
    done: 'set to 0',
    repair: bySql(
      `UPDATE queue SET ${GROWING.map((total) => `${total} = max(0, ${total})`).join(', ')} WHERE name = :name`,
    ),
  },
  // The rules per queue would not see these tasks. `fsck` checks the rules of the whole file before those of any queue.
  queue: {
    kind: 'orphan',
    perQueue: false,
    name: 'queue',
    rows: '(SELECT queue FROM task UNION SELECT queue FROM schedule)',
    condition: 'queue NOT IN (SELECT no FROM queue)',
    found: 'tasks or schedules of a queue that does not exist',
    done: 'the queue was created as lost-<number>',
    repair: bySql(`INSERT INTO queue (no, name, used) SELECT :name, 'lost-' || :name, 1`),
  },
  body: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: 'body',
    condition: 'seq NOT IN (SELECT seq FROM task)',
    found: 'a payload or result without a task',
    done: 'removed',
    repair:
      ({ bodies }) =>
      ({ name }) =>
        bodies.remove(Number(name)),
  },
  attempt: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: '(SELECT DISTINCT seq FROM attempt)',
    condition: 'seq NOT IN (SELECT seq FROM task)',
    found: 'attempts without a task',
    done: 'removed',
    repair:
      ({ attempts }) =>
      ({ name }) =>
        attempts.remove(Number(name)),
  },
  log_line: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: '(SELECT DISTINCT seq FROM log_line)',
    condition: 'seq NOT IN (SELECT seq FROM task)',
    found: 'log lines without a task',
    done: 'removed',
    repair: bySql('DELETE FROM log_line WHERE seq = :name'),
  },
  // Keys of the business would not find the queue, nor the task in it.
  business: {
    kind: 'leak',
    perQueue: true,
    name: 'business',
    rows: '(SELECT DISTINCT queue, business FROM task WHERE queue = :queue AND business IS NOT NULL)',
    condition: 'business NOT IN (SELECT business FROM queue_business WHERE queue = :queue)',
    found: 'it has tasks in the queue, which does not remember it',
    done: 'remembered',
    repair:
      ({ queues }) =>
      ({ name, entry }) => {
        entry!.businesses.delete(String(name));
        queues.recordBusiness(entry!, String(name));
      },
  },
  // Lists would begin again with each start of the service.
  cursor_key: {
    kind: 'type',
    perQueue: false,
    name: 'name',
    rows: 'meta',
    condition: `name = 'cursor_key' AND NOT (${IS_CURSOR_KEY})`,
    found: 'it is no key of 32 bytes',
    done: 'removed: the next list makes a new one',
    repair: bySql('DELETE FROM meta WHERE name = :name'),
  },
  // No scheduler would ever look at it.
  look: {
    kind: 'orphan',
    perQueue: true,
    name: 'name',
    rows: 'schedule',
    condition: 'queue = :queue AND look_ms IS NULL AND next_fire_ms IS NOT NULL AND pause_reason IS NULL',
    found: 'a schedule that will fire, yet nobody will look at it',
    done: 'it is looked at now',
    repair: bySql('UPDATE schedule SET look_ms = :nowMs, planned_ms = :nowMs WHERE name = :name'),
  },
  // Nothing can bring the specification back, and without it there is nothing to fire.
  spec: {
    kind: 'ghost',
    perQueue: true,
    name: 'name',
    rows: 'schedule',
    condition: 'queue = :queue AND no NOT IN (SELECT schedule FROM schedule_spec)',
    found: 'a schedule without its specification',
    done: 'removed with its history',
    repair:
      ({ schedules, fires }) =>
      ({ name, entry }) => {
        const row = schedules.find(String(name));
        if (!row) return;
        fires.removeOf(entry!, row.no);
        schedules.remove(row);
      },
  },
  // Its schedule would wait for its end.
  run: {
    kind: 'leak',
    perQueue: false,
    name: 'seq',
    rows: 'schedule_run',
    condition: 'seq IS NOT NULL AND seq NOT IN (SELECT seq FROM task)',
    found: 'a run of a schedule without its task',
    done: 'removed',
    repair: bySql('DELETE FROM schedule_run WHERE seq = :name'),
  },
  ...leftBehind('schedule_spec', 'a specification without its schedule'),
  ...leftBehind('schedule_run', 'a run without its schedule'),
  ...leftBehind('fire', 'a history without its schedule'),
  // Submissions of the same task would be refused until the lock's time is over.
  lock: {
    kind: 'leak',
    perQueue: false,
    name: 'key',
    rows: 'unique_lock',
    condition: `until_ms > :nowMs AND (key, id) NOT IN (${OWNED_LOCKS})`,
    found: 'its task does not exist, or is completed',
    done: 'released',
    repair: bySql('DELETE FROM unique_lock WHERE key = :name'),
  },
};
