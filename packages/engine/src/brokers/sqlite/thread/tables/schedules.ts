// The table of schedules, and of their specifications. What has become of their fires is in fires.ts. Runs in the writer thread.
import { MAX_FIRES } from '../../../../broker/fires.ts';
import { MAX_AHEAD_MS } from '../../../../broker/schedules.ts';
import { columnOf, type Row } from '../../rows.ts';
import { SCHEDULE, type FactsOfSchedule, type PlanRow, type ScheduleRow } from '../../schedule-rows.ts';
import type { Database } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';

/** What a write of fires needs of it: there are thousands in a second. */
export interface FiringRow extends Pick<ScheduleRow, 'no' | 'queue' | 'stamp' | 'pauseReason' | 'open'> {
  /** Whether its history has as many lines as are kept. */
  readonly isFull: 0 | 1;
}

/** Columns of `ScheduleRow` that are not named like their fields. */
const OTHER_COLUMNS: { readonly [Field in keyof ScheduleRow]?: string } = {
  queueName: '(SELECT name FROM queue WHERE queue.no = schedule.queue)',
  nextLookMs: 'look_ms',
};

/** The columns of `ScheduleRow`, from `schedule`. */
export const SCHEDULE_COLUMNS = SCHEDULE.names
  .map((field) => `${OTHER_COLUMNS[field] ?? columnOf(field)} AS ${field}`)
  .join(', ');

/** What is written with a specification. */
export interface SpecWrite extends FactsOfSchedule {
  readonly spec: string;
  readonly nextFireMs: number | null;
  /** Null = now. */
  readonly nextLookMs: number | null;
}

function scheduleStatements(database: Database) {
  type Written = SpecWrite & { no: number; stamp: number; nowMs: number };
  return {
    find: database.named<{ name: string }, ScheduleRow>(
      `SELECT ${SCHEDULE_COLUMNS} FROM schedule WHERE name = :name`,
    ),
    findFiring: database.named<{ name: string }, FiringRow>(
      `SELECT no, queue, stamp, pause_reason AS pauseReason, open,
        EXISTS (SELECT 1 FROM fire WHERE schedule = no LIMIT 1 OFFSET ${MAX_FIRES - 1}) AS isFull
      FROM schedule WHERE name = :name`,
    ),
    spec: database.named<{ no: number }, { spec: string }>(
      'SELECT spec FROM schedule_spec WHERE schedule = :no',
    ),
    insert: database.named<SpecWrite & { queue: number; stamp: number; nowMs: number }, { no: number }>(`
      INSERT INTO schedule (queue, name, revision, spec_stamp, stamp, created_ms, changed_ms, planned_ms, look_ms, next_fire_ms,
        runs, awaits_end, business, owner, source, calendar, pause_reason, open, ledger)
      VALUES (:queue, :name, 1, :stamp, :stamp, :nowMs, :nowMs, :nowMs, coalesce(:nextLookMs, :nowMs), :nextFireMs,
        0, 0, :business, :owner, :source, :calendar, :pauseReason, '[]', 'null') RETURNING no`),
    change: database.named<Written>(`
      UPDATE schedule SET revision = revision + 1, spec_stamp = :stamp, stamp = :stamp, changed_ms = :nowMs, planned_ms = :nowMs,
        look_ms = coalesce(:nextLookMs, :nowMs), next_fire_ms = :nextFireMs, business = :business, owner = :owner, source = :source, calendar = :calendar, pause_reason = :pauseReason
      WHERE no = :no`),
    // In places: thousands are written in a second.
    plan: database.prepare(`
      UPDATE schedule SET stamp = ?, planned_ms = ?, look_ms = ?, next_fire_ms = ?, last_fire_ms = ?, runs = ?, awaits_end = ?,
        open = ?, ledger = ?
      WHERE no = ?`),
    hide: database.named<{ numbers: string; lookMs: number; nowMs: number }>(
      'UPDATE schedule SET look_ms = :lookMs, planned_ms = :nowMs WHERE no IN (SELECT value FROM json_each(:numbers))',
    ),
    lookBy: database.named<{ no: number; nowMs: number }>(
      'UPDATE schedule SET look_ms = :nowMs, planned_ms = :nowMs WHERE no = :no AND (look_ms IS NULL OR look_ms > :nowMs)',
    ),
    putSpec: database.named<{ no: number; spec: string }>(
      'INSERT OR REPLACE INTO schedule_spec (schedule, spec) VALUES (:no, :spec)',
    ),
    remove: database.named<{ no: number }>('DELETE FROM schedule WHERE no = :no'),
    removeSpec: database.named<{ no: number }>('DELETE FROM schedule_spec WHERE schedule = :no'),
  };
}

/** Finds schedules whose time has come. */
function createLookFinder(database: Database) {
  type Limits = { queue: number; untilMs: number; limit: number };
  type DueRow = Row<ScheduleRow>;
  const numberOf = (row: DueRow): number => SCHEDULE.fromRow(row).no;
  // A limit that is a parameter alone has SQLite prepare the statement anew for each call, which takes three times as long as the query.
  const due = database.prepare(`
    SELECT ${SCHEDULE_COLUMNS} FROM schedule WHERE queue = ? AND look_ms <= ? ORDER BY look_ms LIMIT ? + 0`);
  const ahead = database.prepare(
    `SELECT ${SCHEDULE_COLUMNS} FROM schedule WHERE queue = ? AND look_ms IS NOT NULL AND planned_ms > ? LIMIT ?`,
  );
  const waits = 'queue = :queue AND look_ms IS NOT NULL';
  const newest = database.named<{ queue: number }, { ms: number | null }>(
    `SELECT max(planned_ms) AS ms FROM schedule WHERE ${waits}`,
  );
  const next = database.named<{ queue: number }, { ms: number | null }>(
    `SELECT min(look_ms) AS ms FROM schedule WHERE ${waits}`,
  );
  /** By queue: no schedule was planned later than this. It may be too late, but not too early. */
  const plannedBy = new Map<number, number>();

  /** Those that were planned long after now. A clock that is set back would leave them alone until then. */
  function findAhead({ queue, untilMs, limit }: Limits): DueRow[] {
    const aheadMs = untilMs + MAX_AHEAD_MS;
    const latestMs = plannedBy.get(queue) ?? newest.get({ queue })?.ms ?? 0;
    plannedBy.set(queue, latestMs);
    if (latestMs <= aheadMs) return [];
    const rows: DueRow[] = ahead.all(queue, aheadMs, limit);
    if (rows.length < limit) plannedBy.set(queue, untilMs);
    return rows;
  }

  return {
    /** Those that are due at this time, or were planned long after it, earliest look first. */
    due(limits: Limits): DueRow[] {
      const { queue, untilMs, limit } = limits;
      const rows = findAhead(limits);
      const found = new Set(rows.map(numberOf));
      if (rows.length < limit)
        for (const row of due.all(queue, untilMs, limit)) if (!found.has(numberOf(row))) rows.push(row);
      return rows.slice(0, limit);
    },
    recordPlan(queue: number, nowMs: number): void {
      const latestMs = plannedBy.get(queue);
      if (latestMs !== undefined && latestMs < nowMs) plannedBy.set(queue, nowMs);
    },
    /** The next look of the queue; null = none waits. */
    next: (queue: number): number | null => next.get({ queue })?.ms ?? null,
  };
}

export function createSchedules(database: Database) {
  const sql = scheduleStatements(database);
  const looks = createLookFinder(database);
  const [newest] = database.prepare('SELECT coalesce(max(stamp), 0) FROM schedule').get()!;
  let stamp = Number(newest);
  /** All who remember a stamp run in this process: the next one may begin after the greatest that is stored. */
  const nextStamp = (): number => (stamp += 1);

  return {
    find: (name: string): ScheduleRow | undefined => sql.find.get({ name }),
    findFiring: (name: string): FiringRow | undefined => sql.findFiring.get({ name }),
    specOf: (no: number): string => sql.spec.get({ no })?.spec ?? 'null',
    due: looks.due,
    nextLook: looks.next,

    /** A new schedule. */
    add({ number: queue }: QueueEntry, write: SpecWrite, nowMs: number): void {
      const { no } = sql.insert.get({ ...write, queue, stamp: nextStamp(), nowMs })!;
      sql.putSpec.run({ no, spec: write.spec });
      looks.recordPlan(queue, nowMs);
    },
    /** Replaces the specification. */
    change({ no, queue }: ScheduleRow, write: SpecWrite, nowMs: number): void {
      sql.change.run({ ...write, no, stamp: nextStamp(), nowMs });
      sql.putSpec.run({ no, spec: write.spec });
      looks.recordPlan(queue, nowMs);
    },
    setPlan({ no, queue }: Pick<ScheduleRow, 'no' | 'queue'>, plan: PlanRow, nowMs: number): void {
      const { nextLookMs, nextFireMs, lastFireMs, runs, awaitsEnd, open, ledger } = plan;
      // prettier-ignore
      sql.plan.run(
        nextStamp(), nowMs, nextLookMs, nextFireMs, lastFireMs, runs, awaitsEnd, open, ledger, no,
      );
      looks.recordPlan(queue, nowMs);
    },
    /** `due` hands these numbers out again at `lookMs`. */
    hide(numbers: readonly number[], lookMs: number, nowMs: number): void {
      sql.hide.run({ numbers: JSON.stringify(numbers), lookMs, nowMs });
    },
    /** It must be looked at now, if it is not due already. */
    lookNow({ no, queue }: Pick<ScheduleRow, 'no' | 'queue'>, nowMs: number): void {
      sql.lookBy.run({ no, nowMs });
      looks.recordPlan(queue, nowMs);
    },
    remove({ no }: ScheduleRow): void {
      sql.remove.run({ no });
      sql.removeSpec.run({ no });
    },
  };
}

export type ScheduleTable = ReturnType<typeof createSchedules>;
