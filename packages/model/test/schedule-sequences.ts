// Random sequences of what happens to a schedule: looks, edits, pauses, ends of runs, refusals, clocks that move. Each look is
// compared with the reference, and what must hold of all of them together is checked beside it.
import * as fc from 'fast-check';
import { expect } from 'vitest';
import { pausedSpec, putSpec, resumedSpec } from '../src/schedules/edits.ts';
import { isUndecided, type PlanTimes } from '../src/schedules/due-times.ts';
import type { Plan } from '../src/schedules/plan.ts';
import { MISFIRE_POLICIES, OVERLAPS, type ScheduleSpec } from '../src/schedules/spec.ts';
import { ReferenceSchedule, type ReferenceLook, type TimeList } from './schedule-reference.ts';
import { Bench, HOUR_MS, MINUTE_MS, NO_TASK, SECOND_MS, settingsOf, START_MS } from './schedules.ts';

/** Times go on for 8 h; sequences may take longer. */
const HORIZON_MS = 8 * HOUR_MS;
/** A calendar has days of this length here, numbered from `START_MS`. */
const DAY_MS = 10 * MINUTE_MS;

interface TimesPlan {
  readonly periodS: number;
  readonly phaseS: number;
  readonly isFromEnd: boolean;
  readonly startsS: number | null;
  readonly endsS: number | null;
}

/** One thing that happens. */
type Step =
  | { readonly kind: 'look' | 'refused' | 'pass' | 'back'; readonly ms: number }
  | { readonly kind: 'end'; readonly agoMs: number; readonly isAll: boolean }
  | { readonly kind: 'edit'; readonly fields: Partial<ScheduleSpec> }
  | { readonly kind: 'times'; readonly plan: TimesPlan }
  | { readonly kind: 'calendar'; readonly off: readonly number[] }
  | { readonly kind: 'pause' | 'resume' };

const seconds = (max: number) => fc.integer({ min: 0, max }).map((s) => s * SECOND_MS);
const anyMs = (max: number) => fc.integer({ min: 0, max });
const ahead = fc.oneof(
  { arbitrary: anyMs(12 * SECOND_MS), weight: 3 },
  { arbitrary: seconds(100), weight: 3 },
  { arbitrary: anyMs(2 * HOUR_MS), weight: 1 },
);
const timesPlan: fc.Arbitrary<TimesPlan> = fc.record({
  periodS: fc.constantFrom(7, 20, 60, 60, 600, 3_600),
  phaseS: fc.integer({ min: 0, max: 20 }),
  isFromEnd: fc.boolean(),
  startsS: fc.option(fc.integer({ min: 0, max: 7_200 }), { freq: 3 }),
  endsS: fc.option(fc.integer({ min: 7_201, max: 28_000 }), { freq: 3 }),
});
const fields: fc.Arbitrary<Partial<ScheduleSpec>> = fc.record(
  {
    owner: fc.constantFrom('a', 'b'),
    overlap: fc.constantFrom(...OVERLAPS),
    shards: fc.constantFrom(1, 1, 2),
    maxRuns: fc.constantFrom(null, null, null, 4, 20),
    skipNext: fc.integer({ min: 0, max: 4 }),
    misfire: fc.record({
      policy: fc.constantFrom(...MISFIRE_POLICIES),
      graceMs: fc.constantFrom(SECOND_MS, 30 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS),
      limit: fc.constantFrom(1, 3, 30),
    }),
  },
  { requiredKeys: [] },
);
const offDays = fc.uniqueArray(fc.integer({ min: 0, max: 47 }), { maxLength: 20 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: ahead.map((ms) => ({ kind: 'look', ms }) as const) },
  { weight: 2, arbitrary: ahead.map((ms) => ({ kind: 'refused', ms }) as const) },
  { weight: 3, arbitrary: ahead.map((ms) => ({ kind: 'pass', ms }) as const) },
  {
    weight: 1,
    arbitrary: fc.oneof(seconds(2_000), anyMs(5 * HOUR_MS)).map((ms) => ({ kind: 'back', ms }) as const),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('end'), agoMs: anyMs(20_000), isAll: fc.boolean() }),
  },
  { weight: 3, arbitrary: fields.map((f) => ({ kind: 'edit', fields: f }) as const) },
  { weight: 1, arbitrary: timesPlan.map((plan) => ({ kind: 'times', plan }) as const) },
  { weight: 1, arbitrary: offDays.map((off) => ({ kind: 'calendar', off }) as const) },
  { weight: 1, arbitrary: fc.constantFrom({ kind: 'pause' } as const, { kind: 'resume' } as const) },
);

/** A schedule and what happens to it. */
const sequences = fc.record({
  plan: timesPlan,
  fields,
  maxTasks: fc.constantFrom(2, 6, 1_000),
  steps: fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }),
});
type Sequence = typeof sequences extends fc.Arbitrary<infer Value> ? Value : never;

function listOf({ periodS, phaseS }: TimesPlan, off: readonly number[]): number[] {
  const list: number[] = [];
  for (let ms = START_MS + phaseS * SECOND_MS; ms < START_MS + HORIZON_MS; ms += periodS * SECOND_MS)
    if (!off.includes(Math.floor((ms - START_MS) / DAY_MS))) list.push(ms);
  return list;
}

/** The index of the first time after a moment. */
function indexAfter(list: TimeList, ms: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}

const timesOfList = (list: TimeList): PlanTimes => ({
  next: (afterMs) => list[indexAfter(list, afterMs)] ?? null,
  previous(atMs, afterMs) {
    const ms = list[indexAfter(list, atMs) - 1];
    return ms !== undefined && ms > afterMs ? ms : null;
  },
  count: (afterMs, toMs) => indexAfter(list, toMs) - indexAfter(list, afterMs),
});

const specFields = ({ periodS, isFromEnd, startsS, endsS }: TimesPlan) => ({
  times: { kind: 'every', everyMs: periodS * SECOND_MS, from: isFromEnd ? 'end' : 'start' } as const,
  startsAtMs: startsS === null ? null : START_MS + startsS * SECOND_MS,
  endsAtMs: endsS === null ? null : START_MS + endsS * SECOND_MS,
});

/** What was left out by outcome: how many, the first and the last. */
function leftOutOf(plan: Plan) {
  const sums = new Map<string, { count: number; fromMs: number; toMs: number }>();
  for (const { outcome, count, fromMs, toMs } of plan.leftOut) {
    const sum = sums.get(outcome) ?? { count: 0, fromMs, toMs };
    sums.set(outcome, {
      count: sum.count + count,
      fromMs: Math.min(fromMs, sum.fromMs),
      toMs: Math.max(toMs, sum.toMs),
    });
  }
  return sums;
}

const referenceLeftOut = ({ leftOut }: ReferenceLook) =>
  new Map(
    [...leftOut].map(([outcome, list]) => [
      outcome,
      { count: list.length, fromMs: Math.min(...list), toMs: Math.max(...list) },
    ]),
  );

/** What a look is checked by. */
interface LookFacts {
  readonly hasOpen: boolean;
  /** Times of before an edit were among what it decided about. */
  readonly hasFormer: boolean;
  readonly isComplete: boolean;
}

/** Plays a sequence, and checks every look. */
class SequencePlayer {
  readonly #bench: Bench;
  readonly #reference: ReferenceSchedule;
  #nowMs = START_MS;
  #plan: TimesPlan;
  /** Plans of before an edit, by the time from which they held. */
  readonly #formerPlans = new Map<number, TimesPlan>();
  #off: readonly number[] = [];
  /** What was decided of each logical time since the clock was last set back too far. */
  readonly #decided = new Map<number, string>();
  /** Everything up to here was looked at. */
  #lookedMs = START_MS;
  /** Times from here on belong to the plan that holds now. */
  #sinceMs = START_MS;

  constructor({ plan, fields: given, maxTasks }: Omit<Sequence, 'steps'>) {
    this.#plan = plan;
    const list = listOf(plan, []);
    this.#bench = new Bench(timesOfList(list), { ...specFields(plan), ...given });
    this.#bench.maxTasks = maxTasks;
    this.#reference = new ReferenceSchedule(this.#bench.spec, list);
  }

  play(one: Step): void {
    switch (one.kind) {
      case 'pass':
        this.#nowMs += one.ms;
        return;
      case 'back':
        this.#nowMs -= one.ms;
        return;
      case 'look':
      case 'refused':
        this.#nowMs += one.ms;
        return this.#look(one.kind === 'refused');
      case 'end':
        return this.#end(one);
      case 'edit':
        return this.#put(one.fields);
      case 'times': {
        const before = this.#plan;
        this.#plan = one.plan;
        this.#setTimes();
        return this.#put(specFields(one.plan), before);
      }
      case 'calendar':
        this.#off = one.off;
        this.#setTimes();
        this.#bench.calendar = { version: (this.#bench.calendar?.version ?? 0) + 1, changedMs: this.#nowMs };
        this.#reference.calendarMs = this.#nowMs;
        return this.#planAnew();
      case 'pause':
        return this.#pause();
      case 'resume':
        if (!this.#bench.isPaused) return;
        this.#bench.isPaused = false;
        return this.#store(resumedSpec(this.#bench, this.#nowMs));
    }
  }

  #pause(): void {
    this.#bench.isPaused = true;
    this.#bench.revision += 1;
    this.#bench.spec = pausedSpec(this.#bench.spec, this.#nowMs);
    this.#reference.spec = this.#bench.spec;
  }

  #setTimes(): void {
    const list = listOf(this.#plan, this.#off);
    this.#bench.times = timesOfList(list);
    this.#reference.times = list;
    this.#setFormer();
  }

  #setFormer(): void {
    const former = this.#bench.spec.former ?? [];
    this.#reference.former = former.map((each) => {
      const plan = this.#formerPlans.get(each.fromMs);
      if (!plan) throw new Error('it has times that it never had');
      const list = listOf(plan, this.#off);
      this.#bench.formerTimes.set(each.fromMs, timesOfList(list));
      return { ...each, list };
    });
  }

  #put(changed: Partial<ScheduleSpec>, planBefore = this.#plan): void {
    const { spec, ledger } = this.#bench;
    const put = {
      settings: { ...settingsOf(spec), skipNext: this.#reference.skipsLeft, ...changed },
      task: NO_TASK,
      source: 'api',
    } as const;
    this.#store(putSpec({ spec, ledger }, put, this.#nowMs), planBefore);
  }

  #store(spec: ScheduleSpec, planBefore = this.#plan): void {
    const before = this.#bench.spec;
    this.#bench.spec = spec;
    this.#bench.revision += 1;
    this.#reference.spec = spec;
    for (const { fromMs } of spec.former ?? [])
      if (!this.#formerPlans.has(fromMs)) this.#formerPlans.set(fromMs, planBefore);
    this.#setFormer();
    this.#reference.editMs = spec.updatedMs;
    if (spec.skipSetMs !== before.skipSetMs) this.#reference.skipsLeft = spec.skipNext;
    // While it was finished, no times came. With another overlap, fires that wait may no longer count.
    const { runs, waiting } = this.#reference;
    const wasFull = before.overlap === 'queue' && runs + waiting.length >= (before.maxRuns ?? Infinity);
    if (spec.plannedFromMs === spec.updatedMs || spec.maxRuns !== before.maxRuns || wasFull) this.#planAnew();
  }

  /** Other times hold from now on. What was looked at already, before the clock was set back, does not come again. */
  #planAnew(): void {
    this.#sinceMs = Math.max(this.#sinceMs, this.#lookedMs, this.#nowMs);
  }

  #end({ agoMs, isAll }: Extract<Step, { kind: 'end' }>): void {
    const ids = (this.#bench.ledger?.open ?? []).map(({ id }) => id).slice(0, isAll ? undefined : 1);
    if (ids.length === 0) return;
    const endMs = this.#nowMs - agoMs;
    this.#bench.end(endMs - START_MS, ids);
    this.#reference.lastEndMs = Math.max(this.#reference.lastEndMs ?? 0, endMs);
    this.#copyOpen();
  }

  #copyOpen(): void {
    this.#reference.open = (this.#bench.ledger?.open ?? []).map(({ fireMs }) => fireMs);
  }

  #look(isRefused: boolean): void {
    const { ledger, isPaused, maxTasks } = this.#bench;
    const hasOpen = (ledger?.open.length ?? 0) > 0;
    const decided = ledger ?? { decidedToMs: 0 };
    const hasFormer = this.#bench.spec.former?.some((each) => isUndecided(each, decided)) ?? false;
    this.#bench.look(this.#nowMs - START_MS, isRefused);
    const plan = this.#bench.plan!;
    if (isPaused) {
      this.#reference.lookPaused(this.#nowMs);
      expect([plan.fires, plan.leftOut]).toEqual([[], []]);
      return;
    }
    const expected = this.#reference.look({
      nowMs: this.#nowMs,
      isRefused: this.#bench.wasRefused,
      maxTasks,
    });
    this.#copyOpen();
    expect(plan.fires.map(({ fireMs, outcome }) => ({ fireMs, outcome }))).toEqual(expected.fires);
    expect(leftOutOf(plan)).toEqual(referenceLeftOut(expected));
    expect(plan.setBackMs).toBe(expected.setBackMs);
    expect(plan.isMore).toBe(expected.stop === 'full');
    expect(plan.ledger.waiting).toEqual(this.#reference.waiting);
    expect(plan.ledger).toMatchObject({ runs: this.#reference.runs, skipsLeft: this.#reference.skipsLeft });
    // Of other times, the reference knows which were left out.
    if (hasFormer) for (const ms of [...expected.leftOut.values()].flat()) this.#decided.set(ms, 'left out');
    this.#checkLook(plan, { hasOpen, hasFormer, isComplete: expected.stop === null });
  }

  /** What must hold however it is planned. */
  #checkLook(plan: Plan, { hasOpen, hasFormer, isComplete }: LookFacts): void {
    const { spec, maxTasks } = this.#bench;
    if (plan.setBackMs > 0) {
      this.#decided.clear();
      this.#sinceMs = this.#nowMs;
      this.#lookedMs = this.#nowMs;
    }
    this.#lookedMs = Math.max(this.#lookedMs, this.#nowMs);
    const madeMs = plan.fires.map(({ fireMs }) => fireMs);
    expect(madeMs).toEqual(madeMs.toSorted((a, b) => a - b));
    expect(plan.fires.length * spec.shards <= maxTasks || plan.fires.length === 1).toBe(true);
    if (spec.overlap !== 'allow')
      expect(plan.fires.length + Number(hasOpen)).toBeLessThanOrEqual(
        1 + Number(hasOpen && plan.fires.length === 0),
      );
    if (spec.maxRuns !== null && plan.fires.length > 0)
      expect(plan.ledger.runs).toBeLessThanOrEqual(spec.maxRuns);
    for (const { fireMs, outcome } of plan.fires) {
      expect(fireMs).toBeLessThanOrEqual(this.#nowMs);
      expect(this.#decided.get(fireMs) ?? 'waits').toBe('waits');
      if (outcome !== 'queued' && !hasFormer)
        expect(fireMs >= (spec.startsAtMs ?? 0) && fireMs < (spec.endsAtMs ?? Infinity)).toBe(true);
      this.#decided.set(fireMs, outcome);
    }
    for (const ms of plan.ledger.waiting) this.#decided.set(ms, 'waits');
    if (this.#plan.isFromEnd) return;
    if (!hasFormer) this.#checkLeftOut(plan);
    if (isComplete && !this.#isFinished(plan)) this.#checkAllDecided();
  }

  #checkLeftOut(plan: Plan): void {
    const { times } = this.#bench;
    // Of those that waited, others may lie between.
    for (const { outcome, count, fromMs, toMs } of plan.leftOut)
      if (outcome === 'skipped_next' || outcome === 'skipped_misfire')
        expect([outcome, times.count(fromMs - 1, toMs)]).toEqual([outcome, count]);
    for (const { outcome, fromMs, toMs } of plan.leftOut)
      for (let ms = times.next(fromMs - 1); ms !== null && ms <= toMs; ms = times.next(ms))
        if (!this.#decided.has(ms) || outcome === 'replaced')
          this.#decided.set(ms, this.#decided.get(ms) === 'waits' ? 'waits' : outcome);
  }

  #isFinished(plan: Plan): boolean {
    const { maxRuns } = this.#bench.spec;
    return maxRuns !== null && plan.ledger.runs + plan.ledger.waiting.length >= maxRuns;
  }

  /** After a look that is complete every time of the plan up to now is made, waits, or is left out. */
  #checkAllDecided(): void {
    const { times, spec } = this.#bench;
    const fromMs = Math.max(this.#sinceMs, (spec.startsAtMs ?? 0) - 1);
    for (let ms = times.next(fromMs); ms !== null && ms <= this.#nowMs; ms = times.next(ms))
      if (ms < (spec.endsAtMs ?? Infinity)) expect([ms, this.#decided.has(ms)]).toEqual([ms, true]);
  }
}

/** Plays random sequences. */
export function checkSequences(options: { readonly seed: number; readonly numRuns: number }): void {
  const plays = fc.property(sequences, ({ steps, ...schedule }) => {
    const player = new SequencePlayer(schedule);
    for (const one of steps) player.play(one);
  });
  fc.assert(plays, options);
}
