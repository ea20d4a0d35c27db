// Which times of a schedule a plan is about, and the arithmetic on them: nothing here walks through all of them.
import { momentTimes } from '../cron/interval.ts';
import type { Times } from '../cron/reading.ts';
import { SECOND_MS } from '../durations.ts';
import { hasOpenRun } from './runs.ts';
import type { Ledger } from './ledger.ts';
import { fromEndMs, isFromEnd, type FormerTimes, type ScheduleSpec, type TimesSettings } from './spec.ts';

/** The times of a schedule, by questions that cost little however many there are. */
export type PlanTimes = Pick<Times, 'next' | 'previous' | 'count'>;

/** Up to 16 times are walked through; more are found by bisection. */
const MAX_STEPS = 16;

const wholeSecond = (ms: number): number => Math.ceil(ms / SECOND_MS) * SECOND_MS;

const NO_TIMES: PlanTimes = { next: () => null, previous: () => null, count: () => 0 };

/** Times that hold for a while: those after `fromMs`, up to and with `untilMs`. */
interface Period {
  readonly times: PlanTimes;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The times of periods that follow each other. */
function inTurn(periods: readonly Period[]): PlanTimes {
  return {
    next(afterMs) {
      for (const { times, fromMs, untilMs } of periods) {
        const nextMs = afterMs < untilMs ? times.next(Math.max(afterMs, fromMs)) : null;
        if (nextMs !== null && nextMs <= untilMs) return nextMs;
      }
      return null;
    },
    previous(atMs, afterMs) {
      for (const { times, fromMs, untilMs } of periods.toReversed()) {
        const [lowMs, highMs] = [Math.max(afterMs, fromMs), Math.min(atMs, untilMs)];
        const previousMs = lowMs < highMs ? times.previous(highMs, lowMs) : null;
        if (previousMs !== null) return previousMs;
      }
      return null;
    },
    count(afterMs, toMs) {
      let sum = 0;
      for (const { times, fromMs, untilMs } of periods) {
        const [lowMs, highMs] = [Math.max(afterMs, fromMs), Math.min(toMs, untilMs)];
        if (lowMs < highMs) sum += times.count(lowMs, highMs);
      }
      return sum;
    },
  };
}

/** The times from `startsAtMs`, before `endsAtMs`. */
export function boundedTimes(
  times: PlanTimes,
  { startsAtMs, endsAtMs }: Pick<ScheduleSpec, 'startsAtMs' | 'endsAtMs'>,
): PlanTimes {
  if (startsAtMs === null && endsAtMs === null) return times;
  return inTurn([{ times, fromMs: (startsAtMs ?? -Infinity) - 1, untilMs: (endsAtMs ?? Infinity) - 1 }]);
}

/**
 * What `from: end` counts from; null = nothing has run. After the clock was set back a run may have ended before its own fire,
 * which must not come again.
 */
export const lastEndOf = ({ lastEndMs, lastFireMs }: Ledger): number | null =>
  lastEndMs === null ? null : Math.max(lastEndMs, lastFireMs ?? 0);

/** `from: end`: the one time that counts from the end of the last run. */
const timeFromEnd = (everyMs: number, { startsAtMs }: TimesSettings, endMs: number): number =>
  wholeSecond(Math.max(wholeSecond(endMs) + everyMs, startsAtMs ?? 0));

/** The times that are not decided yet: those of `times` after `afterMs`. */
interface Undecided {
  readonly times: PlanTimes;
  readonly afterMs: number;
  /** Times of before an edit are among them. */
  readonly hasFormer: boolean;
  /** Those up to here are left out: the schedule was paused then. Null = none are. */
  readonly leftOutToMs: number | null;
}

/** What of some times is not decided. @param times not bounded */
function ownTimes(
  settings: TimesSettings,
  ledger: Ledger,
  times: PlanTimes,
): Pick<Undecided, 'times' | 'afterMs'> {
  const bounded = boundedTimes(times, settings);
  const afterMs = ledger.decidedToMs;
  const everyMs = fromEndMs(settings);
  if (everyMs === null) return { times: bounded, afterMs };
  if (hasOpenRun(ledger) || ledger.waiting.length > 0) return { times: NO_TIMES, afterMs };
  const endMs = lastEndOf(ledger);
  const firstMs = endMs === null ? bounded.next(afterMs) : timeFromEnd(everyMs, settings, endMs);
  if (firstMs === null) return { times: NO_TIMES, afterMs };
  // The end of a run may be found after its next time: looks in between have decided nothing.
  return { times: boundedTimes(momentTimes(firstMs), settings), afterMs: firstMs - 1 };
}

/** What the undecided times depend on. */
export interface TimesInput {
  readonly spec: ScheduleSpec;
  /** The times of the specification, its calendar included. */
  readonly times: PlanTimes;
  /** The same of each of its former times, in order. */
  readonly formerTimes?: readonly PlanTimes[];
}

/** Whether there may be times of before an edit about which nobody has decided. */
export const isUndecided = (
  { untilMs }: Pick<FormerTimes, 'untilMs'>,
  { decidedToMs, formerForgottenMs = -Infinity }: Pick<Ledger, 'decidedToMs' | 'formerForgottenMs'>,
): boolean => untilMs > Math.max(decidedToMs, formerForgottenMs);

/** The times that a schedule had before edits, and what of them nobody has decided about. */
function formerPeriods(
  { spec, formerTimes = [] }: TimesInput,
  ledger: Ledger,
): (Period & { isLeftOut?: true })[] {
  return (spec.former ?? []).flatMap((former, i) => {
    const times = formerTimes[i];
    if (!times || !isUndecided(former, ledger)) return [];
    return [{ ...former, times: ownTimes(former, ledger, times).times }];
  });
}

/** What nobody has decided about, of the times before an edit and of those after it. */
export function undecidedTimes(input: TimesInput, ledger: Ledger): Undecided {
  const { spec, times } = input;
  const own = ownTimes(spec, ledger, times);
  const former = spec.former === undefined ? [] : formerPeriods(input, ledger);
  if (former.length === 0)
    return { times: own.times, afterMs: own.afterMs, hasFormer: false, leftOutToMs: null };
  const now = { times: own.times, fromMs: spec.plannedFromMs, untilMs: Infinity };
  return {
    // What has to be decided first may have runs, and `from: end` counts from their ends.
    times: inTurn(isFromEnd(spec) ? former : [...former, now]),
    afterMs: ledger.decidedToMs,
    hasFormer: true,
    leftOutToMs: former.findLast(({ isLeftOut }) => isLeftOut)?.untilMs ?? null,
  };
}

/** Times after `afterMs`, up to and with `toMs`; there are `total`. */
interface TimeRange {
  readonly afterMs: number;
  readonly toMs: number;
  readonly total: number;
}

/** The nth time of a range, from 1. It lies on a whole second, as all of them do. */
export function nthTime(times: PlanTimes, { afterMs, toMs, total }: TimeRange, n: number): number {
  let foundMs: number | null = null;
  if (total - n < Math.min(n, MAX_STEPS)) {
    foundMs = times.previous(toMs, afterMs);
    for (let i = total; i > n && foundMs !== null; i -= 1) foundMs = times.previous(foundMs - 1, afterMs);
  } else if (n <= MAX_STEPS) {
    foundMs = afterMs;
    for (let i = 0; i < n && foundMs !== null; i += 1) foundMs = times.next(foundMs);
  } else {
    let [low, high] = [Math.floor(afterMs / SECOND_MS), Math.floor(toMs / SECOND_MS)];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (times.count(afterMs, middle * SECOND_MS) >= n) high = middle;
      else low = middle;
    }
    foundMs = high * SECOND_MS;
  }
  return foundMs ?? toMs;
}
