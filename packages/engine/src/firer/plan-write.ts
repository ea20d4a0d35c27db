// From a schedule that is due to what is written about it.
import {
  planFires,
  waitsForEnd,
  withEndedRuns,
  withMadeTasks,
  type Ledger,
  type Plan,
  type ScheduleSpec,
} from '@task-center/model';
import { MAX_BATCH, MAX_BATCH_BYTES } from '../broker/bounds.ts';
import type { FireWrite, NewFire } from '../broker/fires.ts';
import type { SchedulePlan, SchedulePut } from '../broker/schedule-records.ts';
import type { DueSchedule, OpenRun as KnownRun } from '../broker/schedules.ts';
import { changedSinceMs } from './calendar-cache.ts';
import { FireSpans } from '../tracing/fire-spans.ts';
import { openRuns, tasksOfFire } from './fire-tasks.ts';
import type { ReadSpec } from './spec-cache.ts';

/** A rough size of a task in a call, without its payload. */
const FIRED_TASK_BYTES = 400;

/** A ledger as it is stored; null = nothing was planned yet. */
export const ledgerIn = (text: string): Ledger | null => JSON.parse(text) as Ledger | null;

/** The ledger with the ends that the broker knows of. */
export function withKnownEnds(
  spec: ScheduleSpec,
  ledger: Ledger | null,
  runs: readonly KnownRun[],
): Ledger | null {
  if (ledger === null) return null;
  const ends = runs.flatMap(({ id, endedMs }) => (endedMs === null ? [] : [{ id, endMs: endedMs }]));
  return ends.length === 0 ? ledger : withEndedRuns({ spec, ledger }, ends).ledger;
}

/** What brokers store of a plan. @param fireTrace that of its last fire */
export const storedPlan = (
  spec: ScheduleSpec,
  { ledger, nextLookMs }: Pick<Plan, 'ledger' | 'nextLookMs'>,
  fireTrace: string | undefined,
): SchedulePlan => ({
  ledger: JSON.stringify({ ...ledger, fireTrace }),
  lastFireMs: ledger.lastFireMs,
  nextFireMs: ledger.nextFireMs,
  nextLookMs,
  runs: ledger.runs,
  open: ledger.open.map(({ id }) => id),
  awaitsEnd: waitsForEnd(spec, ledger),
});

/**
 * When a new schedule must be looked at first, if not at once: where a look before its first fire would decide nothing, thousands that
 * are put together wait until they fire. Fires that are left out have a line of history in their time, and an edited calendar is
 * compared with plans.
 */
export const firstLook = (
  { skipNext, calendar }: ScheduleSpec,
  nextFireMs: number | null,
): Pick<SchedulePut, 'nextLookMs'> =>
  skipNext === 0 && calendar === null && nextFireMs !== null ? { nextLookMs: nextFireMs } : {};

/** A schedule that is due, about which a decision is due. */
export interface ToDecide {
  readonly due: DueSchedule;
  readonly read: ReadSpec;
  /** By the broker's clock. */
  readonly nowMs: number;
  readonly newId: () => string;
  /** The queue has refused its tasks: decides only what needs none. */
  readonly isRefused?: boolean;
}

/** What was decided about a schedule. */
export interface Decided {
  readonly write: FireWrite;
  /** Null = none was made, and it is looked at again later. */
  readonly plan: Plan | null;
  /** Of its fires. They are ended when these are written. */
  readonly spans: FireSpans | null;
  /** Number of its tasks. */
  readonly tasks: number;
  /** Its size in a call, about. */
  readonly bytes: number;
}

/** Decides about a schedule that is due. @throws Error if what is stored of it cannot be used */
export function decide({ due, read, nowMs, newId, isRefused = false }: ToDecide): Decided {
  const { spec, times, formerTimes, calendar, payload } = read;
  const taskBytes = FIRED_TASK_BYTES + (payload?.length ?? 0);
  const ledger = ledgerIn(due.ledger);
  const changedMs = calendar && changedSinceMs(calendar, ledger?.calendarVersion ?? null, nowMs);
  const planned = planFires(
    {
      spec,
      revision: due.revision,
      isPaused: due.pauseReason !== null,
      ledger: withKnownEnds(spec, ledger, due.openRuns),
      times,
      formerTimes,
      calendar: calendar && { version: calendar.version, changedMs: changedMs! },
      isRefused,
      maxTasks: Math.max(1, Math.min(MAX_BATCH, Math.floor(MAX_BATCH_BYTES / taskBytes))),
    },
    nowMs,
  );
  const spans = new FireSpans(spec.id, ledger?.fireTrace);
  const made = planned.fires.map(({ outcome, fireMs, tasks: count, delayMs }) => {
    const toMake = { spec, name: due.name, fireMs, tasks: count, delayMs, payload, spans };
    const tasks = tasksOfFire(toMake, { newId, nowMs });
    return { outcome, fireMs, toMs: fireMs, count: 1, tasks } satisfies NewFire;
  });
  const open = made.flatMap(({ tasks, fireMs }) => openRuns(tasks, { fireMs, nowMs }));
  const plan = withMadeTasks(planned, { spec, made: open, nowMs });
  const leftOut = plan.leftOut.map(({ outcome, count, fromMs, toMs }): NewFire => ({
    outcome,
    fireMs: fromMs,
    toMs,
    count,
    tasks: [],
  }));
  const fires = [...leftOut, ...made].sort((a, b) => a.fireMs - b.fireMs);
  const stored = storedPlan(spec, plan, spans.last);
  return {
    write: { name: due.name, stamp: due.stamp, fires, plan: stored },
    plan,
    spans,
    tasks: open.length,
    bytes: stored.ledger.length + open.length * taskBytes,
  };
}

/** A schedule that cannot be decided about, as it is written to be looked at again. */
export function putOff(due: DueSchedule, nextLookMs: number): Decided {
  const { name, stamp, ledger, lastFireMs, nextFireMs, runs, open, awaitsEnd } = due;
  const plan = { ledger, lastFireMs, nextFireMs, nextLookMs, runs, open, awaitsEnd };
  return { write: { name, stamp, fires: [], plan }, plan: null, spans: null, tasks: 0, bytes: ledger.length };
}
