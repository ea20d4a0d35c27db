// How the specification of a schedule changes: put, edited, resumed.
import type { Ledger } from './ledger.ts';
import type { ScheduledTask, ScheduleSettings, ScheduleSource, ScheduleSpec } from './spec.ts';

/** What is stored of a schedule. */
export interface StoredSchedule {
  readonly spec: ScheduleSpec;
  /** Null = nothing was planned yet. */
  readonly ledger: Ledger | null;
}

/** A schedule as it is put. */
export interface SchedulePut {
  readonly settings: ScheduleSettings;
  readonly task: ScheduledTask;
  readonly source: ScheduleSource;
}

/** What the fires of a schedule depend on, its calendar's days not counted. */
function planOf({ times, timezone, calendar, startsAtMs, endsAtMs }: ScheduleSettings): string {
  const parts = times.kind === 'every' ? [times.everyMs, times.from] : Object.values(times);
  return JSON.stringify([times.kind, ...parts, timezone, calendar, startsAtMs, endsAtMs]);
}

/** How many coming fires are still left out. */
export function skipsLeftOf({ spec, ledger }: StoredSchedule): number {
  return ledger?.skipSetMs === spec.skipSetMs ? ledger.skipsLeft : spec.skipNext;
}

/**
 * The schedule to store for what was put, in place of what is stored. If that changes its times, it is planned anew from now on: what
 * the former times had due, and nobody has made, is dropped. Any other edit leaves what is due as it is.
 *
 * @param nowMs by the broker's clock
 */
export function putSpec(
  before: StoredSchedule | null,
  { settings, task, source }: SchedulePut,
  nowMs: number,
): ScheduleSpec {
  const stored = before?.spec;
  // More runs for a schedule that has had all of its runs: nothing was due meanwhile.
  const goesOn = before?.ledger?.nextFireMs === null && stored?.maxRuns !== settings.maxRuns;
  const isSamePlan = stored !== undefined && !goesOn && planOf(stored) === planOf(settings);
  const isSameSkip = before !== null && skipsLeftOf(before) === settings.skipNext;
  return {
    ...settings,
    skipNext: isSameSkip ? before.spec.skipNext : settings.skipNext,
    skipSetMs: isSameSkip ? before.spec.skipSetMs : Math.max(nowMs, (stored?.skipSetMs ?? 0) + 1),
    source,
    task,
    createdMs: stored?.createdMs ?? nowMs,
    updatedMs: nowMs,
    // It may lie ahead, if the clock was ahead then.
    plannedFromMs: isSamePlan ? Math.min(stored.plannedFromMs, nowMs) : nowMs,
  };
}

/** The schedule after a pause. What fell into the pause is no misfire: it is planned from now on. @param nowMs by the broker's clock */
export const resumedSpec = (spec: ScheduleSpec, nowMs: number): ScheduleSpec => ({
  ...spec,
  updatedMs: nowMs,
  plannedFromMs: nowMs,
});
