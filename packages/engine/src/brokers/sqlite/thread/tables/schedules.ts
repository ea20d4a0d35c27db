// The table of schedules, and of their specifications. What has become of their fires is in fires.ts. Runs in the writer thread.
import type { ScheduleRecord } from '../../../../broker/schedule-records.ts';
import { MAX_AHEAD_MS } from '../../../../broker/schedules.ts';
import type { Database } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';

/** A plan as it is stored: `open` is JSON, `awaitsEnd` 0 or 1. */
export interface PlanRow extends Pick<
  ScheduleRecord,
  'ledger' | 'lastFireMs' | 'nextFireMs' | 'nextLookMs' | 'runs'
> {
  readonly open: string;
  readonly awaitsEnd: 0 | 1;
}

/** What else is stored of a schedule, but for its specification. */
export type FactsOfSchedule = Pick<
  ScheduleRecord,
  'name' | 'business' | 'owner' | 'source' | 'calendar' | 'pauseReason'
>;

/** A row, without its specification. */
export interface ScheduleRow
  extends
    PlanRow,
    FactsOfSchedule,
    Pick<ScheduleRecord, 'revision' | 'specStamp' | 'stamp' | 'createdMs' | 'changedMs'> {
  readonly no: number;
  /** The number of its queue. */
  readonly queue: number;
  readonly queueName: string;
  readonly failing: 0 | 1;
  readonly plannedMs: number;
}

/** What a write of fires needs of it: there are thousands in a second. */
export type FiringRow = Pick<ScheduleRow, 'no' | 'queue' | 'stamp' | 'pauseReason' | 'open'>;

/** The columns of `ScheduleRow`, from `schedule`. */
export const SCHEDULE_COLUMNS = `no, queue, (SELECT name FROM queue WHERE queue.no = schedule.queue) AS queueName, name, revision,
  spec_stamp AS specStamp, stamp, created_ms AS createdMs, changed_ms AS changedMs, planned_ms AS plannedMs,
  look_ms AS nextLookMs, next_fire_ms AS nextFireMs, last_fire_ms AS lastFireMs, runs, awaits_end AS awaitsEnd, failing,
  business, owner, source, calendar, pause_reason AS pauseReason, open, ledger`;

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
      'SELECT no, queue, stamp, pause_reason AS pauseReason, open FROM schedule WHERE name = :name',
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
    plan: database.named<PlanRow & { no: number; stamp: number; nowMs: number }>(`
      UPDATE schedule SET stamp = :stamp, planned_ms = :nowMs, look_ms = :nextLookMs, next_fire_ms = :nextFireMs,
        last_fire_ms = :lastFireMs, runs = :runs, awaits_end = :awaitsEnd, open = :open, ledger = :ledger
      WHERE no = :no`),
    look: database.named<{ no: number; lookMs: number; nowMs: number }>(
      'UPDATE schedule SET look_ms = :lookMs, planned_ms = :nowMs WHERE no = :no',
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
  // A limit that is a parameter alone has SQLite prepare the statement anew for each call, which takes three times as long as the query.
  const due = database.named<Limits, ScheduleRow>(`
    SELECT ${SCHEDULE_COLUMNS} FROM schedule WHERE queue = :queue AND look_ms <= :untilMs ORDER BY look_ms LIMIT :limit + 0`);
  const waits = 'queue = :queue AND look_ms IS NOT NULL';
  const ahead = database.named<Limits, ScheduleRow>(
    `SELECT ${SCHEDULE_COLUMNS} FROM schedule WHERE ${waits} AND planned_ms > :untilMs LIMIT :limit`,
  );
  const newest = database.named<{ queue: number }, { ms: number | null }>(
    `SELECT max(planned_ms) AS ms FROM schedule WHERE ${waits}`,
  );
  const next = database.named<{ queue: number }, { ms: number | null }>(
    `SELECT min(look_ms) AS ms FROM schedule WHERE ${waits}`,
  );
  /** By queue: no schedule was planned later than this. It may be too late, but not too early. */
  const plannedBy = new Map<number, number>();

  /** Those that were planned long after now. A clock that is set back would leave them alone until then. */
  function findAhead({ queue, untilMs, limit }: Limits): ScheduleRow[] {
    const aheadMs = untilMs + MAX_AHEAD_MS;
    const latestMs = plannedBy.get(queue) ?? newest.get({ queue })?.ms ?? 0;
    plannedBy.set(queue, latestMs);
    if (latestMs <= aheadMs) return [];
    const rows = ahead.all({ queue, untilMs: aheadMs, limit });
    if (rows.length < limit) plannedBy.set(queue, untilMs);
    return rows;
  }

  return {
    /** Those that are due at this time, or were planned long after it, earliest look first. */
    due(limits: Limits): ScheduleRow[] {
      const rows = findAhead(limits);
      const found = new Set(rows.map(({ no }) => no));
      if (rows.length < limits.limit)
        for (const row of due.all(limits)) if (!found.has(row.no)) rows.push(row);
      return rows.slice(0, limits.limit);
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
      sql.plan.run({ ...plan, no, stamp: nextStamp(), nowMs });
      looks.recordPlan(queue, nowMs);
    },
    /** `due` hands it out again at `lookMs`. */
    hide({ no }: ScheduleRow, lookMs: number, nowMs: number): void {
      sql.look.run({ no, lookMs, nowMs });
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
