// Brings a ledger in step with its schedule and with the clock, before anything is planned.
import type { Ledger } from './ledger.ts';
import type { PlanInput } from './plan.ts';
import type { ScheduleSpec } from './spec.ts';

/** No plan is further ahead of now than this and an interval. */
const MAX_AHEAD_MS = 3_600_000;

function newLedger({ spec, revision, calendar }: PlanInput): Ledger {
  return {
    revision,
    calendarVersion: calendar?.version ?? null,
    decidedToMs: spec.plannedFromMs,
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

/** The interval of `every`, `from: end`; null = the times do not depend on ends. */
const fromEndMs = ({ times }: ScheduleSpec): number | null =>
  times.kind === 'every' && times.from === 'end' ? times.everyMs : null;

/**
 * The ledger of a schedule or calendar that was edited since. What was due before the edit stays due, as far as the times still have
 * it. What was not due then is not made up by the edit: a day that becomes a working day has no misfires. `nextFireMs` tells
 * the two apart.
 */
function afterEdit(ledger: Ledger, { spec, revision, calendar }: PlanInput): Ledger {
  const isEdited = ledger.revision !== revision;
  const calendarVersion = calendar?.version ?? null;
  const hasOtherDays = ledger.calendarVersion !== calendarVersion;
  if (!isEdited && !hasOtherDays) return ledger;
  const changedMs = Math.max(
    isEdited ? spec.updatedMs : -Infinity,
    hasOtherDays ? (calendar?.changedMs ?? -Infinity) : -Infinity,
  );
  const notDueMs = Math.min(changedMs, (ledger.nextFireMs ?? Infinity) - 1);
  const decidedToMs = Math.max(ledger.decidedToMs, notDueMs, isEdited ? spec.plannedFromMs : -Infinity);
  const isNewSkip = ledger.skipSetMs !== spec.skipSetMs;
  const skips = isNewSkip ? { skipsLeft: spec.skipNext, skipSetMs: spec.skipSetMs } : {};
  return { ...ledger, revision, calendarVersion, decidedToMs, ...skips };
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
function afterSetBack(ledger: Ledger, nowMs: number): Ledger {
  const lastEndMs = ledger.lastEndMs === null ? null : Math.min(ledger.lastEndMs, nowMs);
  return { ...ledger, decidedToMs: nowMs, lastEndMs, refusedMs: null, graceFromMs: null };
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
  const ledger = input.ledger === null ? newLedger(input) : afterEdit(input.ledger, input);
  const everyMs = fromEndMs(input.spec);
  const endMs = everyMs === null ? null : ledger.lastEndMs;
  const aheadMs = Math.max(ledger.decidedToMs, endMs ?? 0) - nowMs;
  if (aheadMs > MAX_AHEAD_MS && aheadMs > MAX_AHEAD_MS + intervalMs(input, nowMs))
    return { ledger: afterSetBack(ledger, nowMs), setBackMs: aheadMs };
  // What `from: end` had due before a resume or a change of the times is no misfire: it counts from there.
  const { plannedFromMs } = input.spec;
  if (everyMs !== null && endMs !== null && endMs + everyMs <= Math.min(plannedFromMs, nowMs + MAX_AHEAD_MS))
    return { ledger: { ...ledger, lastEndMs: plannedFromMs }, setBackMs: 0 };
  return { ledger, setBackMs: 0 };
}
