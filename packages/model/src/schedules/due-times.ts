// Which times of a schedule a plan is about, and the arithmetic on them: nothing here walks through all of them.
import { momentTimes } from '../cron/interval.ts';
import type { Times } from '../cron/reading.ts';
import { SECOND_MS } from '../durations.ts';
import { hasOpenRun } from './runs.ts';
import type { Ledger } from './ledger.ts';
import type { ScheduleSpec } from './spec.ts';

/** The times of a schedule, by questions that cost little however many there are. */
export type PlanTimes = Pick<Times, 'next' | 'previous' | 'count'>;

/** Up to 16 times are walked through; more are found by bisection. */
const MAX_STEPS = 16;

const wholeSecond = (ms: number): number => Math.ceil(ms / SECOND_MS) * SECOND_MS;

const NO_TIMES: PlanTimes = { next: () => null, previous: () => null, count: () => 0 };

/** The times from `startsAtMs`, before `endsAtMs`. */
export function boundedTimes(
  times: PlanTimes,
  { startsAtMs, endsAtMs }: Pick<ScheduleSpec, 'startsAtMs' | 'endsAtMs'>,
): PlanTimes {
  if (startsAtMs === null && endsAtMs === null) return times;
  const from = (ms: number): number => Math.max(ms, (startsAtMs ?? -Infinity) - 1);
  const to = (ms: number): number => Math.min(ms, (endsAtMs ?? Infinity) - 1);
  return {
    next(afterMs) {
      const nextMs = times.next(from(afterMs));
      return nextMs !== null && nextMs <= to(nextMs) ? nextMs : null;
    },
    previous: (atMs, afterMs) => (from(afterMs) < to(atMs) ? times.previous(to(atMs), from(afterMs)) : null),
    count: (afterMs, toMs) => (from(afterMs) < to(toMs) ? times.count(from(afterMs), to(toMs)) : 0),
  };
}

/**
 * What `from: end` counts from; null = nothing has run. After the clock was set back a run may have ended before its own fire,
 * which must not come again.
 */
export const lastEndOf = ({ lastEndMs, lastFireMs }: Ledger): number | null =>
  lastEndMs === null ? null : Math.max(lastEndMs, lastFireMs ?? 0);

/** `from: end`: the one time that counts from the end of the last run. */
const timeFromEnd = (everyMs: number, { startsAtMs }: ScheduleSpec, endMs: number): number =>
  wholeSecond(Math.max(wholeSecond(endMs) + everyMs, startsAtMs ?? 0));

/** The times that are not decided yet: those of `times` after `afterMs`. */
interface Undecided {
  readonly times: PlanTimes;
  readonly afterMs: number;
}

/** @param times those of the specification, its calendar included, not bounded */
export function undecidedTimes(spec: ScheduleSpec, ledger: Ledger, times: PlanTimes): Undecided {
  const bounded = boundedTimes(times, spec);
  const afterMs = ledger.decidedToMs;
  if (spec.times.kind !== 'every' || spec.times.from === 'start') return { times: bounded, afterMs };
  if (hasOpenRun(ledger) || ledger.waiting.length > 0) return { times: NO_TIMES, afterMs };
  const endMs = lastEndOf(ledger);
  const firstMs = endMs === null ? bounded.next(afterMs) : timeFromEnd(spec.times.everyMs, spec, endMs);
  if (firstMs === null) return { times: NO_TIMES, afterMs };
  // The end of a run may be found after its next time: looks in between have decided nothing.
  return { times: boundedTimes(momentTimes(firstMs), spec), afterMs: firstMs - 1 };
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
