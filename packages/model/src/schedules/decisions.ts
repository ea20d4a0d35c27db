// What one look decides about the times that are due: which are made, which wait, which are left out.
import { nthTime, type PlanTimes } from './due-times.ts';
import { jitterMs } from './jitter.ts';
import type { Ledger } from './ledger.ts';
import type { LeftOut, PlannedFire } from './plan.ts';
import { hasOpenRun } from './runs.ts';
import { MAX_WAITING_FIRES, storedScheduleName, type Misfire, type ScheduleSpec } from './spec.ts';

/** What the decisions are about. */
export interface DecisionsInput {
  readonly spec: ScheduleSpec;
  /** In step with the specification: `takeOver`. */
  readonly ledger: Ledger;
  readonly times: PlanTimes;
  /** The times up to here are decided. */
  readonly afterMs: number;
  /** Times of before an edit are among them. */
  readonly hasFormer: boolean;
  /** Times up to here are left out: the schedule was paused; null = none are. */
  readonly leftOutToMs: number | null;
  readonly nowMs: number;
  readonly maxTasks: number;
  readonly isRefused: boolean;
}

/** How many fires older than grace a policy makes. */
function madeLate({ policy, limit }: Misfire): number {
  if (policy === 'catch_up') return limit;
  return policy === 'fire_once' ? 1 : 0;
}

/**
 * Decides about the times up to now, the oldest first. Its methods are called once each, in their order here. What is left
 * out is counted, never walked through.
 */
export class Decisions {
  readonly fires: PlannedFire[] = [];
  readonly leftOut: LeftOut[] = [];
  readonly #input: DecisionsInput;
  #tasks = 0;
  #isBusy: boolean;
  /** The times up to here are decided. */
  afterMs: number;
  lastFireMs: number | null;
  runs: number;
  skipsLeft: number;
  waiting: readonly number[];
  /** Why there are times left to decide: the plan is full, or the queue has refused their tasks. */
  stop: 'full' | 'refused' | null = null;
  /** Whether the queue has refused a fire that waited. */
  isWaitingRefused = false;

  constructor(input: DecisionsInput) {
    const { spec, ledger, afterMs } = input;
    this.#input = input;
    this.#isBusy = spec.overlap !== 'allow' && hasOpenRun(ledger);
    this.afterMs = afterMs;
    this.lastFireMs = ledger.lastFireMs;
    this.runs = ledger.runs;
    this.skipsLeft = ledger.skipsLeft;
    this.waiting = ledger.waiting;
  }

  /** Whether all runs that the schedule may have were made. */
  get isFinished(): boolean {
    const { maxRuns, overlap } = this.#input.spec;
    return maxRuns !== null && this.runs + (overlap === 'queue' ? this.waiting.length : 0) >= maxRuns;
  }

  /** Leaves out what nobody had made when the schedule was paused. */
  leaveOutPaused(): void {
    const { leftOutToMs, nowMs } = this.#input;
    if (leftOutToMs === null || this.isFinished) return;
    const toMs = Math.min(leftOutToMs, nowMs);
    const total = this.#count(toMs);
    this.#leaveOut('skipped_misfire', { total, toMs }, total);
  }

  /** Leaves out the coming fires that the owner wants left out. */
  skipNext(): void {
    if (this.skipsLeft === 0 || this.isFinished) return;
    const toMs = this.#input.nowMs;
    const total = this.#count(toMs);
    const count = Math.min(total, this.skipsLeft);
    this.#leaveOut('skipped_next', { total, toMs }, count);
    this.skipsLeft -= count;
  }

  /** Leaves out fires older than grace: those that the queue has refused until then, and what the policy does not make. */
  settleMisfires(): void {
    const { spec, ledger, nowMs } = this.#input;
    const graceStartMs = nowMs - spec.misfire.graceMs;
    if (this.isFinished || (ledger.graceFromMs !== null && ledger.graceFromMs >= graceStartMs)) return;
    const refusedToMs = Math.min(ledger.refusedMs ?? -Infinity, graceStartMs - 1);
    const refused = this.#count(refusedToMs);
    this.#leaveOut('refused', { total: refused, toMs: refusedToMs }, refused);
    const toMs = graceStartMs - 1;
    const total = this.#count(toMs);
    this.#leaveOut('skipped_misfire', { total, toMs }, total - madeLate(spec.misfire));
  }

  /** Makes the fires that have waited for the end of a run: one after another, or all of them if runs may overlap now. */
  startWaiting(): void {
    const { spec, isRefused, nowMs } = this.#input;
    const maxRuns = spec.maxRuns ?? Infinity;
    // After the clock was set back they may lie ahead, and no fire is early.
    const isDue = () => (this.waiting[0] ?? Infinity) <= nowMs;
    if (this.#isBusy || !isDue()) return;
    if (isRefused) {
      this.stop = 'refused';
      this.isWaitingRefused = true;
      this.#giveUpWaiting();
      // What is due as well waits behind them.
      this.#isBusy = spec.overlap !== 'allow' && this.waiting.length > 0;
      return;
    }
    while (isDue() && !this.#isBusy && this.runs < maxRuns && this.#hasRoom()) {
      const [fireMs = 0, ...others] = this.waiting;
      this.waiting = others;
      this.#make({ fireMs, outcome: 'queued', tasks: spec.shards, delayMs: 0 });
    }
    // An edit has lowered the number of runs.
    if (this.runs >= maxRuns) this.#dropWaiting();
  }

  /** Leaves out the waiting fires whose grace is over: it counts from the first refusal, as they may have waited for long. */
  #giveUpWaiting(): void {
    const { spec, ledger, nowMs } = this.#input;
    const graceStartMs = nowMs - spec.misfire.graceMs;
    if (ledger.waitRefusedMs === undefined || ledger.waitRefusedMs >= graceStartMs) return;
    const given = this.waiting.filter((fireMs) => fireMs < graceStartMs);
    const [fromMs, toMs] = [given[0], given.at(-1)];
    if (fromMs === undefined || toMs === undefined) return;
    this.leftOut.push({ outcome: 'refused', count: given.length, fromMs, toMs });
    this.waiting = this.waiting.slice(given.length);
  }

  /** Makes the fires that are due, until a run stands in the way of the next. */
  makeDue(): void {
    const { spec, times, nowMs, isRefused } = this.#input;
    const name = storedScheduleName(spec);
    let fireMs = times.next(this.afterMs);
    while (fireMs !== null && fireMs <= nowMs && !this.#isBusy && !this.isFinished) {
      if (isRefused) this.stop = 'refused';
      if (isRefused || !this.#hasRoom()) return;
      const nextMs = times.next(fireMs);
      const delayMs = Math.max(0, fireMs + jitterMs({ name, fireMs, nextMs }, spec.jitterMs) - nowMs);
      const outcome = nowMs - fireMs > spec.misfire.graceMs ? 'caught_up' : 'fired';
      this.#make({ fireMs, outcome, tasks: spec.shards, delayMs });
      this.#decideTo(fireMs);
      fireMs = nextMs;
    }
  }

  /** Decides about the other fires that are due while a run is not final. */
  settleOverlaps(): void {
    const { spec, nowMs } = this.#input;
    if (!this.#isBusy || this.isFinished) return;
    if (spec.overlap === 'replace') this.#replaceWaiting();
    if (spec.overlap === 'queue') this.#queueDue();
    if (this.isFinished) return;
    const total = this.#count(nowMs);
    this.#leaveOut('skipped_overlap', { total, toMs: nowMs }, total);
  }

  /** The newest fire takes the place of those that wait, and of the others that are due. */
  #replaceWaiting(): void {
    const { times, nowMs } = this.#input;
    const newestMs = times.previous(nowMs, this.afterMs);
    const waiting = newestMs === null ? this.waiting.slice(0, -1) : this.waiting;
    const due = newestMs === null ? 0 : this.#count(newestMs - 1);
    const fromMs = waiting[0] ?? times.next(this.afterMs);
    const toMs = (newestMs === null ? null : times.previous(newestMs - 1, this.afterMs)) ?? waiting.at(-1);
    const count = waiting.length + due;
    if (count > 0 && fromMs !== null && toMs !== undefined)
      this.leftOut.push({ outcome: 'replaced', count, fromMs, toMs });
    this.waiting = this.waiting.slice(waiting.length);
    if (newestMs !== null) this.#wait(newestMs);
  }

  /** The fires that are due wait, while there is room. */
  #queueDue(): void {
    const { times, nowMs } = this.#input;
    let fireMs = times.next(this.afterMs);
    while (
      fireMs !== null &&
      fireMs <= nowMs &&
      this.waiting.length < MAX_WAITING_FIRES &&
      !this.isFinished
    ) {
      this.#wait(fireMs);
      fireMs = times.next(fireMs);
    }
  }

  #dropWaiting(): void {
    const [fromMs, toMs] = [this.waiting[0], this.waiting.at(-1)];
    if (fromMs === undefined || toMs === undefined) return;
    this.leftOut.push({ outcome: 'skipped_overlap', count: this.waiting.length, fromMs, toMs });
    this.waiting = [];
  }

  #wait(fireMs: number): void {
    this.waiting = [...this.waiting, fireMs];
    this.#decideTo(fireMs);
  }

  /** One fire has room in every plan. */
  #hasRoom(): boolean {
    const hasRoom = this.#tasks === 0 || this.#tasks + this.#input.spec.shards <= this.#input.maxTasks;
    if (!hasRoom) this.stop = 'full';
    return hasRoom;
  }

  #make(fire: PlannedFire): void {
    this.fires.push(fire);
    this.#tasks += fire.tasks;
    this.runs += 1;
    this.#isBusy = this.#input.spec.overlap !== 'allow';
  }

  /** The number of times that are not decided yet, up to and with `toMs`. */
  #count(toMs: number): number {
    return this.afterMs < toMs ? this.#input.times.count(this.afterMs, toMs) : 0;
  }

  /** Leaves out the first `count` of the times that are not decided yet, up to and with `toMs`. */
  #leaveOut(
    outcome: LeftOut['outcome'],
    { total, toMs }: { total: number; toMs: number },
    count: number,
  ): void {
    if (count <= 0) return;
    const { times } = this.#input;
    const range = { afterMs: this.afterMs, toMs, total };
    const fromMs = nthTime(times, range, 1);
    const lastMs = nthTime(times, range, count);
    this.leftOut.push({ outcome, count, fromMs, toMs: lastMs });
    this.#decideTo(lastMs);
  }

  #decideTo(fireMs: number): void {
    this.afterMs = fireMs;
    this.lastFireMs = fireMs;
  }
}
