// The planner: from a schedule and what has become of it to what happens now. See docs/design/engine.md#stored-schedules.
import { Decisions } from './decisions.ts';
import { undecidedTimes } from './due-times.ts';
import type { Ledger, OpenRun } from './ledger.ts';
import type { Plan, PlanInput } from './plan.ts';
import { hasOpenRun, waitsForEnd, withOpenRuns } from './runs.ts';
import { isFromEnd, type ScheduleSpec } from './spec.ts';
import { newLedger, takeOver } from './take-over.ts';

/** Most tasks of a plan, unless its caller says otherwise. */
const MAX_PLAN_TASKS = 256;
/** What a queue has refused is tried again after this time. */
const REFUSED_LOOK_MS = 1_000;
/** How often ends are looked for while something waits for them: Go's workers and vanished tasks tell nobody. */
const AWAITED_LOOK_MS = 5_000;
/** How often ends are looked for that are overdue and only history waits for. */
const OVERDUE_LOOK_MS = 60_000;

/** What the looks at open runs depend on. `nextFireMs`: when the next fire is looked at; null = it is not, or there is none. */
interface RunsToLookAt {
  readonly spec: ScheduleSpec;
  readonly ledger: Ledger;
  readonly nextFireMs: number | null;
  readonly nowMs: number;
}

/**
 * When to look for the ends of open runs, or to start what no longer waits for them; null = there is neither, or the look at the next
 * fire is enough.
 */
function runLookMs({ spec, ledger, nextFireMs, nowMs }: RunsToLookAt): number | null {
  if (!hasOpenRun(ledger) && ledger.waiting[0] !== undefined) return Math.max(nowMs, ledger.waiting[0]);
  if (ledger.open.length === 0) return null;
  if (waitsForEnd(spec, ledger)) return nowMs + AWAITED_LOOK_MS;
  const overdueMs = Math.max(
    Math.min(...ledger.open.map(({ deadlineMs }) => deadlineMs)),
    nowMs + OVERDUE_LOOK_MS,
  );
  // Most ends are known long before: the broker has seen them. The others may wait as long again, if that spares a look.
  const isNear = nextFireMs !== null && nextFireMs - overdueMs <= overdueMs - nowMs;
  return isNear ? null : overdueMs;
}

const earlierLook = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** What a look that stopped early leaves to the next one: which fires are refused, and where their grace counts from. */
function leftForLater(
  { spec, ledger, nowMs, times }: ConstructorParameters<typeof Decisions>[0],
  { stop, afterMs }: Decisions,
): Pick<Ledger, 'refusedMs' | 'graceFromMs'> {
  if (stop === null) return { refusedMs: null, graceFromMs: null };
  if (stop === 'full') return { refusedMs: ledger.refusedMs, graceFromMs: nowMs };
  const graceStartMs = nowMs - spec.misfire.graceMs;
  const isHeld = ledger.graceFromMs !== null && ledger.graceFromMs >= graceStartMs;
  const isLate = (times.next(afterMs) ?? nowMs) < graceStartMs;
  // What the policy makes up for has no grace of its own left, and would be given up at once.
  const graceFromMs = isHeld ? ledger.graceFromMs : isLate ? nowMs : null;
  return { refusedMs: times.previous(nowMs, afterMs), graceFromMs };
}

/** A paused schedule fires nothing, and nothing is decided: only the ends of its runs are looked for. */
function idlePlan(input: PlanInput, nowMs: number): Plan {
  const ledger = input.ledger ?? newLedger(input, nowMs);
  const nextLookMs = hasOpenRun(ledger)
    ? runLookMs({ spec: input.spec, ledger, nextFireMs: null, nowMs })
    : null;
  return { fires: [], leftOut: [], ledger, nextLookMs, isMore: false, setBackMs: 0 };
}

/**
 * Decides what happens to the fires of a schedule that are due, and when to look at it again. Every logical time is decided once:
 * it is made, it waits, or it is counted in a line of what is left out. The ends of runs must be in the ledger already
 * (`withEndedRuns`). A plan costs no more after a long stop than after a short one.
 *
 * If the queue refuses the tasks, nothing of the plan is stored; with `isRefused` the same call tells what to store instead.
 *
 * @param nowMs by the broker's clock
 */
export function planFires(input: PlanInput, nowMs: number): Plan {
  const { spec, maxTasks = MAX_PLAN_TASKS, isRefused = false } = input;
  if (input.isPaused) return idlePlan(input, nowMs);
  const { ledger, setBackMs } = takeOver(input, nowMs);
  const undecided = undecidedTimes(input, ledger);
  const about = { spec, ledger, ...undecided, nowMs, maxTasks, isRefused };
  const decisions = new Decisions(about);
  decisions.leaveOutPaused();
  decisions.skipNext();
  decisions.settleMisfires();
  decisions.startWaiting();
  decisions.makeDue();
  decisions.settleOverlaps();
  const after = ledgerAfter(about, decisions);
  const nextFireMs = nextFire(input, after, decisions);
  const { fires, leftOut, stop } = decisions;
  // With tasks, `withMadeTasks` knows which runs are open.
  const endLookMs = fires.length > 0 ? null : runLookMs({ spec, ledger: after, nextFireMs, nowMs });
  const normalLookMs = earlierLook(nextFireMs, endLookMs);
  const stoppedLookMs = stop === 'full' ? nowMs : nowMs + REFUSED_LOOK_MS;
  return {
    fires,
    leftOut,
    ledger: { ...after, nextFireMs },
    nextLookMs: stop === null ? normalLookMs : stoppedLookMs,
    isMore: stop === 'full',
    setBackMs,
  };
}

function ledgerAfter(about: ConstructorParameters<typeof Decisions>[0], decisions: Decisions): Ledger {
  const { spec, nowMs, hasFormer } = about;
  const { waitRefusedMs = nowMs, ...ledger } = about.ledger;
  const { lastFireMs, runs, skipsLeft, waiting, stop, afterMs } = decisions;
  const countsFromEnd = isFromEnd(spec) && !hasFormer;
  // Of times before an edit, those after it are left to the next look where they count from an end.
  const lookedToMs = isFromEnd(spec) && hasFormer ? spec.plannedFromMs : nowMs;
  return {
    ...ledger,
    // A single time that counts from an end is not decided by looks before it.
    decidedToMs: Math.max(
      ledger.decidedToMs,
      stop === null ? lookedToMs : countsFromEnd ? ledger.decidedToMs : afterMs,
    ),
    lastFireMs,
    runs,
    skipsLeft,
    waiting,
    // A fire that is left out ends there and then: the next one counts from it.
    lastEndMs: countsFromEnd && decisions.leftOut.length > 0 ? nowMs : ledger.lastEndMs,
    ...leftForLater(about, decisions),
    ...(decisions.isWaitingRefused && { waitRefusedMs }),
  };
}

function nextFire(input: PlanInput, ledger: Ledger, { fires, isFinished }: Decisions): number | null {
  if (isFinished || (isFromEnd(input.spec) && fires.length > 0)) return null;
  const undecided = undecidedTimes(input, ledger);
  return undecided.times.next(undecided.afterMs);
}

/** The plan with the tasks that were made for it: their ends are looked for from now on. */
export function withMadeTasks(
  plan: Plan,
  {
    spec,
    made,
    nowMs,
  }: { readonly spec: ScheduleSpec; readonly made: readonly OpenRun[]; readonly nowMs: number },
): Plan {
  if (made.length === 0) return plan;
  const ledger = withOpenRuns(plan.ledger, made);
  const endLookMs = runLookMs({ spec, ledger, nextFireMs: ledger.nextFireMs, nowMs });
  return { ...plan, ledger, nextLookMs: earlierLook(plan.nextLookMs, endLookMs) };
}
