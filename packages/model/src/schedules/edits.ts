// How the specification of a schedule changes: put, edited, resumed.
import { isUndecided } from './due-times.ts';
import type { Ledger } from './ledger.ts';
import {
  MAX_FORMER_TIMES,
  type FormerTimes,
  type ScheduledTask,
  type ScheduleSettings,
  type ScheduleSource,
  type ScheduleSpec,
  type TimesSettings,
} from './spec.ts';

/** What is stored of a schedule. */
export interface StoredSchedule {
  readonly spec: ScheduleSpec;
  /** Null = nothing was planned yet. */
  readonly ledger: Ledger | null;
}

/** A schedule as it is put. */
export interface NewSchedule {
  readonly settings: ScheduleSettings;
  readonly task: ScheduledTask;
  readonly source: ScheduleSource;
}

function planOf({ times, timezone, calendar, startsAtMs, endsAtMs }: TimesSettings): string {
  const parts = times.kind === 'every' ? [times.everyMs, times.from] : Object.values(times);
  return JSON.stringify([times.kind, ...parts, timezone, calendar, startsAtMs, endsAtMs]);
}

/** How many coming fires are still left out. */
export function skipsLeftOf({ spec, ledger }: StoredSchedule): number {
  return ledger?.skipSetMs === spec.skipSetMs ? ledger.skipsLeft : spec.skipNext;
}

/** The former times about which somebody has still to decide. After the clock was set back, they may lie ahead: these are none. */
const undecidedFormer = ({ spec, ledger }: StoredSchedule, nowMs: number): readonly FormerTimes[] =>
  (spec.former ?? []).filter(
    (each) => each.untilMs <= nowMs && isUndecided(each, ledger ?? { decidedToMs: -Infinity }),
  );

/** The former times, and those that end now: what may still be due of them. @param nowMs by the broker's clock */
function withEndedTimes(stored: StoredSchedule, nowMs: number): readonly FormerTimes[] {
  const { times, timezone, calendar, startsAtMs, endsAtMs, plannedFromMs: fromMs, pausedMs } = stored.spec;
  // What falls into a pause is no fire.
  const untilMs = Math.min(nowMs, pausedMs ?? nowMs);
  const former = undecidedFormer(stored, nowMs);
  // After the clock was set back, or within a pause, there are none.
  if (untilMs <= Math.max(fromMs, stored.ledger?.decidedToMs ?? fromMs)) return former;
  const ended = { times, timezone, calendar, startsAtMs, endsAtMs, fromMs, untilMs };
  return [...former, ended].slice(-MAX_FORMER_TIMES);
}

/** Most schedules have none, and shall not grow by it. */
const storedFormer = (former: readonly FormerTimes[]): Pick<ScheduleSpec, 'former'> =>
  former.length === 0 ? {} : { former };

/**
 * The schedule to store for what was put, in place of what is stored. If that changes its times, they hold from now on. What was due
 * before, and nobody has made, stays due, whatever the edit.
 *
 * @param nowMs by the broker's clock
 */
export function putSpec(
  before: StoredSchedule | null,
  { settings, task, source }: NewSchedule,
  nowMs: number,
): ScheduleSpec {
  const stored = before?.spec;
  // More runs for a schedule that has had all of its runs: nothing was due meanwhile.
  const goesOn = before?.ledger?.nextFireMs === null && stored?.maxRuns !== settings.maxRuns;
  const isSamePlan = stored !== undefined && !goesOn && planOf(stored) === planOf(settings);
  const former =
    before === null || goesOn
      ? []
      : isSamePlan
        ? undecidedFormer(before, nowMs)
        : withEndedTimes(before, nowMs);
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
    ...storedFormer(former),
    ...(stored?.pausedMs !== undefined && { pausedMs: stored.pausedMs }),
  };
}

/** The schedule in a pause: nothing that comes later is a fire. @param nowMs by the broker's clock */
export const pausedSpec = (spec: ScheduleSpec, nowMs: number): ScheduleSpec => ({
  ...spec,
  updatedMs: nowMs,
  pausedMs: spec.pausedMs ?? nowMs,
});

/**
 * The schedule after a pause. What fell into it is no misfire: it is planned from now on. What was due before the pause, and nobody has
 * made, is left out.
 *
 * @param nowMs by the broker's clock
 */
export function resumedSpec(stored: StoredSchedule, nowMs: number): ScheduleSpec {
  const { pausedMs: _paused, former: _former, ...spec } = stored.spec;
  const former = withEndedTimes(stored, nowMs).map((each) => ({ ...each, isLeftOut: true }) as const);
  return { ...spec, updatedMs: nowMs, plannedFromMs: nowMs, ...storedFormer(former) };
}
