// Brings a ledger in step with its schedule and with the clock, before anything is planned.
import { isUndecided, lastEndOf } from './due-times.ts';
import type { Ledger } from './ledger.ts';
import type { PlanInput } from './plan.ts';
import { fromEndMs, type ScheduleSpec } from './spec.ts';

/** No plan is further ahead of now than this and an interval. */
const MAX_AHEAD_MS = 3_600_000;

/** Up to here nothing can be due, whatever was decided. @param isEdited whether it was edited since the ledger was written */
function nothingDueToMs(
  { former, plannedFromMs }: ScheduleSpec,
  ledger: Pick<Ledger, 'decidedToMs' | 'formerForgottenMs'>,
  { isEdited, nowMs }: { readonly isEdited: boolean; readonly nowMs: number },
): number {
  // With a clock that was set back since the edit nobody knows what was due before.
  if (plannedFromMs > nowMs || former === undefined || ledger.formerForgottenMs !== undefined)
    return isEdited ? plannedFromMs : -Infinity;
  // Once all former times are decided, what lies before these fell into a pause.
  return former.find((each) => isUndecided(each, ledger))?.fromMs ?? plannedFromMs;
}

/** The ledger of a schedule that nobody has looked at. */
export function newLedger({ spec, revision, calendar }: PlanInput, nowMs: number): Ledger {
  return {
    revision,
    calendarVersion: calendar?.version ?? null,
    decidedToMs: nothingDueToMs(spec, { decidedToMs: -Infinity }, { isEdited: true, nowMs }),
    lastFireMs: null,
    nextFireMs: null,
    runs: 0,
    skipsLeft: spec.skipNext,
    skipSetMs: spec.skipSetMs,
    open: [],
    waiting: [],
    lastEndMs: null,
    refusedMs: null,
    graceFromMs: null,
  };
}

/**
 * Up to when another version of a calendar leaves nothing to decide. A day that becomes a working day has no misfires: what was not due
 * before the edit is not made up for. `nextFireMs` tells. Looks after the edit that had the former days have decided only about
 * times that these let fire, the last of them at `lastFireMs`.
 */
function decidedByCalendar(ledger: Ledger, { spec, calendar }: PlanInput, nowMs: number): number {
  const { decidedToMs, lastFireMs, nextFireMs } = ledger;
  const isSame = ledger.calendarVersion === (calendar?.version ?? null);
  // Then `nextFireMs` is of times that hold no longer.
  const hasOtherTimes = spec.plannedFromMs > decidedToMs;
  if (isSame || hasOtherTimes || !calendar) return decidedToMs;
  const { changedMs } = calendar;
  if (changedMs < decidedToMs && decidedToMs <= nowMs)
    return Math.min(decidedToMs, Math.max(changedMs, lastFireMs ?? -Infinity, spec.plannedFromMs));
  return Math.max(decidedToMs, Math.min(changedMs, (nextFireMs ?? Infinity) - 1));
}

/** The ledger of a schedule or calendar that was edited since. What was due before the edit stays due, as far as its times hold. */
function afterEdit(before: Ledger, input: PlanInput, nowMs: number): Ledger {
  const { spec, revision, calendar } = input;
  const isEdited = before.revision !== revision;
  const { formerForgottenMs: _forgotten, ...edited } = before;
  const ledger: Ledger = isEdited ? edited : before;
  const isNewSkip = ledger.skipSetMs !== spec.skipSetMs;
  const dueAfterMs = nothingDueToMs(spec, ledger, { isEdited, nowMs });
  return {
    ...ledger,
    revision,
    calendarVersion: calendar?.version ?? null,
    decidedToMs: Math.max(dueAfterMs, decidedByCalendar(ledger, input, nowMs)),
    ...(isNewSkip && { skipsLeft: spec.skipNext, skipSetMs: spec.skipSetMs }),
  };
}

/** From the next time to the one after it; 0 = there are not two. */
function intervalMs({ spec, times }: PlanInput, nowMs: number): number {
  const everyMs = fromEndMs(spec);
  if (everyMs !== null) return everyMs;
  const nextMs = times.next(nowMs);
  const laterMs = nextMs === null ? null : times.next(nextMs);
  return nextMs === null || laterMs === null ? 0 : laterMs - nextMs;
}

/** Plans from now on what was written while the clock was ahead: see `takeOver`. */
function afterSetBack(ledger: Ledger, { former, plannedFromMs }: ScheduleSpec, nowMs: number): Ledger {
  const untilNow = (ms: number | null): number | null => (ms === null ? null : Math.min(ms, nowMs));
  const { waitRefusedMs: _refused, ...kept } = ledger;
  return {
    ...kept,
    decidedToMs: nowMs,
    lastFireMs: untilNow(ledger.lastFireMs),
    lastEndMs: untilNow(ledger.lastEndMs),
    waiting: ledger.waiting.filter((fireMs) => fireMs <= nowMs),
    refusedMs: null,
    graceFromMs: null,
    ...(former !== undefined && { formerForgottenMs: plannedFromMs }),
  };
}

/** A ledger that is in step with its schedule, its calendar and the clock. */
export interface TakenOver {
  readonly ledger: Ledger;
  /** How far it was ahead of now, if that is too far; else 0. */
  readonly setBackMs: number;
}

/**
 * The ledger to plan with. One that is ahead of now by more than an hour and an interval was written while the clock was ahead: the
 * schedule would sleep until then. It is planned anew from now on, though times that were made in between may be made again.
 */
export function takeOver(input: PlanInput, nowMs: number): TakenOver {
  const ledger = input.ledger === null ? newLedger(input, nowMs) : afterEdit(input.ledger, input, nowMs);
  const everyMs = fromEndMs(input.spec);
  const endMs = everyMs === null ? null : lastEndOf(ledger);
  const aheadMs = Math.max(ledger.decidedToMs, endMs ?? 0) - nowMs;
  if (aheadMs > MAX_AHEAD_MS && aheadMs > MAX_AHEAD_MS + intervalMs(input, nowMs))
    return { ledger: afterSetBack(ledger, input.spec, nowMs), setBackMs: aheadMs };
  const { plannedFromMs } = input.spec;
  const isNear = plannedFromMs <= nowMs + MAX_AHEAD_MS;
  // `from: end` counts from a resume or a change of the times, not from an end before it, unless former times are undecided: their runs
  // are still to come, and it counts from these.
  const hasFormer = input.spec.former?.some((each) => isUndecided(each, ledger)) ?? false;
  if (everyMs !== null && endMs !== null && isNear && !hasFormer && endMs + everyMs <= plannedFromMs)
    return { ledger: { ...ledger, lastEndMs: plannedFromMs }, setBackMs: 0 };
  return { ledger, setBackMs: 0 };
}
