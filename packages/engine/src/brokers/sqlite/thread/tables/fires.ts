// The history of schedules, and the runs of their fires: the tasks that have not ended, or that a ledger still counts as open. Runs in the
// writer thread.
import { END_STATES, KEEP_FIRES_MS, MAX_FIRES, type EndState } from '../../../../broker/fires.ts';
import type { OpenRun } from '../../../../broker/schedules.ts';
import type { Database } from '../database.ts';
import type { QueueEntry, QueueRegistry } from '../queue-registry.ts';
import type { ScheduleTable } from './schedules.ts';

/** A line of the history. */
export interface FireRow {
  readonly schedule: number;
  readonly queue: number;
  /** Index in `FIRE_OUTCOMES`. */
  readonly outcome: number;
  readonly fireMs: number;
  readonly toMs: number;
  readonly count: number;
  readonly atMs: number;
  readonly task: string | null;
  readonly tasks: number;
}

/** A task of a schedule, which the row `seq` has. */
export interface NewRun {
  readonly schedule: number;
  readonly id: string;
  readonly line: number;
  readonly seq: number;
}

/** Index in `END_STATES`; null = it has not ended. */
type EndNumber = number | null;

interface RunRow {
  readonly schedule: number;
  readonly id: string;
  readonly line: number;
  readonly seq: number | null;
  readonly worstEnd: EndNumber;
  readonly endedMs: number | null;
  /** Whether its task is there. */
  readonly isStored: 0 | 1;
}

const RUN_COLUMNS = `schedule, id, line, seq, worst_end AS worstEnd, ended_ms AS endedMs,
  EXISTS (SELECT 1 FROM task WHERE task.seq = schedule_run.seq) AS isStored`;

/** From this end on a run counts as failed. */
const FIRST_FAILED = END_STATES.indexOf('cancelled');

function fireStatements(database: Database) {
  type Name = { schedule: number; id: string };
  return {
    // In places: thousands are written in a second.
    add: database.prepare(`
      INSERT INTO fire (line, schedule, queue, outcome, fire_ms, to_ms, count, at_ms, task, tasks) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    trim: database.named<{ schedule: number }>(`
      DELETE FROM fire WHERE schedule = :schedule AND line <=
        (SELECT line FROM fire WHERE schedule = :schedule ORDER BY line DESC LIMIT 1 OFFSET ${MAX_FIRES})`),
    expire: database.named<{ beforeMs: number; limit: number }>(`
      DELETE FROM fire WHERE at_ms < :beforeMs AND line IN (SELECT line FROM fire ORDER BY line LIMIT :limit)`),
    removeOf: database.named<{ schedule: number }>('DELETE FROM fire WHERE schedule = :schedule'),
    addRun: database.named<NewRun>(
      'INSERT OR REPLACE INTO schedule_run (schedule, id, line, seq) VALUES (:schedule, :id, :line, :seq)',
    ),
    runOfTask: database.named<{ seq: number }, RunRow>(
      `SELECT ${RUN_COLUMNS} FROM schedule_run WHERE seq = :seq`,
    ),
    run: database.named<Name, RunRow>(
      `SELECT ${RUN_COLUMNS} FROM schedule_run WHERE schedule = :schedule AND id = :id`,
    ),
    endRun: database.named<Name & { end: number; nowMs: number }>(`
      UPDATE schedule_run SET seq = NULL, worst_end = :end, ended_ms = :nowMs WHERE schedule = :schedule AND id = :id`),
    dropRun: database.named<Name>(
      'DELETE FROM schedule_run WHERE schedule = :schedule AND id = :id AND seq IS NULL',
    ),
    removeRuns: database.named<{ schedule: number }>('DELETE FROM schedule_run WHERE schedule = :schedule'),
    countRuns: database.named<{ schedule: number }, { count: number }>(
      'SELECT count(*) AS count FROM schedule_run WHERE schedule = :schedule AND seq IS NOT NULL',
    ),
    endLine: database.named<{ line: number; end: number; nowMs: number }, { fireMs: number }>(`
      UPDATE fire SET ended = ended + 1, worst_end = max(coalesce(worst_end, 0), :end), ended_ms = :nowMs WHERE line = :line
      RETURNING fire_ms AS fireMs`),
    endSchedule: database.named<
      { schedule: number; fireMs: number; isFailed: 0 | 1 },
      { queue: number; awaitsEnd: 0 | 1; open: string }
    >(`
      UPDATE schedule SET
        failing = CASE WHEN ended_fire_ms > :fireMs THEN failing WHEN ended_fire_ms = :fireMs THEN max(failing, :isFailed)
          ELSE :isFailed END,
        ended_fire_ms = max(coalesce(ended_fire_ms, :fireMs), :fireMs)
      WHERE no = :schedule RETURNING queue, awaits_end AS awaitsEnd, open`),
  };
}

export interface FiresDeps {
  readonly database: Database;
  readonly queues: QueueRegistry;
  readonly schedules: ScheduleTable;
}

/** How and when a task of a queue has ended. */
export interface End {
  readonly entry: QueueEntry;
  readonly how: EndState;
  /** Wall-clock ms. */
  readonly nowMs: number;
}

/** Names a run: the task of a schedule, by the number of the schedule. */
export type RunName = Pick<NewRun, 'schedule' | 'id'>;

/** Makes the function that ends a run. It records the end in the history and with the schedule, which may wait for it. */
function createEnder({ queues, schedules }: FiresDeps, sql: ReturnType<typeof fireStatements>) {
  return ({ schedule, id, line }: RunRow, { entry, how, nowMs }: End): void => {
    const worst = END_STATES.indexOf(how);
    sql.endRun.run({ schedule, id, end: worst, nowMs });
    entry.runs -= 1;
    const fireMs = sql.endLine.get({ line, end: worst, nowMs })?.fireMs;
    const isFailed = worst >= FIRST_FAILED ? 1 : 0;
    // A line that is gone is older than any that counts.
    const found = sql.endSchedule.get({ schedule, fireMs: fireMs ?? 0, isFailed });
    const isOpen = found !== undefined && (JSON.parse(found.open) as string[]).includes(id);
    // Its ledger must learn of the end, which this row keeps until then.
    if (!isOpen) return void sql.dropRun.run({ schedule, id });
    if (found.awaitsEnd === 0) return;
    schedules.lookNow({ no: schedule, queue: found.queue }, nowMs);
    queues.recordLook(entry);
  };
}

/** The runs of fires: which of them have ended, and how. */
function createRuns(deps: FiresDeps, sql: ReturnType<typeof fireStatements>) {
  const end = createEnder(deps, sql);
  return {
    addRun(entry: QueueEntry, run: NewRun): void {
      sql.addRun.run(run);
      entry.runs += 1;
    },
    /** The task in this row has ended. Nothing happens where it is no task of a schedule. */
    endTask(seq: number, how: End): void {
      const run = sql.runOfTask.get({ seq });
      if (run) end(run, how);
    },
    /** What has become of a run. Records its end where nobody saw it. */
    lookUp(name: RunName, entry: QueueEntry, nowMs: number): OpenRun {
      const { id } = name;
      const run = sql.run.get(name);
      if (!run) return { id, end: 'gone', endedMs: nowMs };
      if (run.seq === null) return { id, end: END_STATES[run.worstEnd ?? 0]!, endedMs: run.endedMs };
      if (run.isStored === 1) return { id, end: null, endedMs: null };
      // Tasks end without our steps only where data were damaged.
      end(run, { entry, how: 'gone', nowMs });
      return { id, end: 'gone', endedMs: nowMs };
    },
    /** Whether it has, or nothing is known of it. */
    hasEnded(name: RunName): boolean {
      const run = sql.run.get(name);
      return run === undefined || run.seq === null;
    },
    /** Forgets runs that have ended, as their ledger no longer counts them as open. */
    drop(schedule: number, ids: readonly string[]): void {
      for (const id of ids) sql.dropRun.run({ schedule, id });
    },
  };
}

export function createFires(deps: FiresDeps) {
  const sql = fireStatements(deps.database);
  const [newest] = deps.database.prepare('SELECT coalesce(max(line), 0) FROM fire').get()!;
  let line = Number(newest);
  return {
    ...createRuns(deps, sql),

    /** Returns the line. Counted here: a statement that returns it takes twice as long. */
    add({ schedule, queue, outcome, fireMs, toMs, count, atMs, task, tasks }: FireRow): number {
      line += 1;
      sql.add.run(line, schedule, queue, outcome, fireMs, toMs, count, atMs, task, tasks);
      return line;
    },
    /** Removes the oldest lines of a schedule beyond `MAX_FIRES`. */
    trim: (schedule: number): void => void sql.trim.run({ schedule }),
    /** Removes some of the lines that are too old. The oldest come first, as lines are numbered in the order of writing. */
    expire: (nowMs: number, limit: number): void =>
      void sql.expire.run({ beforeMs: nowMs - KEEP_FIRES_MS, limit }),

    /** Removes all that belongs to a schedule. Its tasks stay. */
    removeOf(entry: QueueEntry, schedule: number): void {
      entry.runs -= sql.countRuns.get({ schedule })?.count ?? 0;
      sql.removeRuns.run({ schedule });
      sql.removeOf.run({ schedule });
    },
  };
}

export type Fires = ReturnType<typeof createFires>;
