// How a schedule is planned, in its plainest form: time by time, from a list of all times. Nothing of ours but types is used.
import type { PlannedFire, LeftOut } from '../src/schedules/plan.ts';
import type { FormerTimes, ScheduleSpec } from '../src/schedules/spec.ts';

const HOUR_MS = 3_600_000;
const MAX_WAITING = 10;

/** All times of a schedule, in order. */
export type TimeList = readonly number[];

type PlanFields = Pick<ScheduleSpec, 'times' | 'startsAtMs' | 'endsAtMs'>;

/** The interval of `from: end`; null = the times do not depend on ends. */
const everyFromEnd = ({ times }: Pick<PlanFields, 'times'>): number | null =>
  times.kind === 'every' && times.from === 'end' ? times.everyMs : null;

const wholeSecond = (ms: number) => Math.ceil(ms / 1_000) * 1_000;

/** Times that held for a while, and when. */
export type ReferenceFormer = FormerTimes & { readonly list: TimeList };

/** What one look came to. */
export interface ReferenceLook {
  readonly fires: readonly Pick<PlannedFire, 'fireMs' | 'outcome'>[];
  readonly leftOut: ReadonlyMap<LeftOut['outcome'], number[]>;
  /** Why times were left for the next look. */
  readonly stop: 'full' | 'refused' | null;
  readonly setBackMs: number;
}

/** How a look is made. */
export interface LookOptions {
  readonly nowMs: number;
  readonly isRefused: boolean;
  readonly maxTasks: number;
}

/** A schedule and what has become of its times. */
export class ReferenceSchedule {
  spec: ScheduleSpec;
  times: TimeList;
  former: readonly ReferenceFormer[] = [];
  /** Times up to here are decided; null = nobody has looked yet. */
  pointerMs: number | null = null;
  runs = 0;
  skipsLeft: number;
  open: number[] = [];
  waiting: number[] = [];
  lastEndMs: number | null = null;
  /** The last time that was decided. */
  #lastMs = 0;
  /** When the specification and the calendar were edited since the last look. */
  editMs: number | null = null;
  calendarMs: number | null = null;
  #plannedMs: number | null = null;
  /** Former times up to here no longer count, as the clock was set back. */
  #forgottenMs: number | null = null;
  /** Since when the queue refuses what waits. */
  #waitRefusedMs: number | null = null;
  /** Times that the queue has refused. */
  #tried = new Set<number>();
  /** Grace begins here for times up to here, not when they are due; 0 = for none. */
  #graceFromMs = 0;

  constructor(spec: ScheduleSpec, times: TimeList) {
    this.spec = spec;
    this.times = times;
    this.skipsLeft = spec.skipNext;
  }

  get #everyMs(): number | null {
    return everyFromEnd(this.spec);
  }

  /** The former times about which nobody has decided. */
  get #pending(): readonly ReferenceFormer[] {
    const decidedMs = Math.max(this.pointerMs ?? -Infinity, this.#forgottenMs ?? -Infinity);
    return this.former.filter(({ untilMs }) => untilMs > decidedMs);
  }

  /** Up to when nothing can be due. */
  #planFrom(nowMs: number): number {
    const { plannedFromMs } = this.spec;
    if (plannedFromMs > nowMs || this.former.length === 0 || this.#forgottenMs !== null)
      return this.editMs === null ? -Infinity : plannedFromMs;
    return this.#pending[0]?.fromMs ?? plannedFromMs;
  }

  /** What `from: end` counts from. */
  get #countFromMs(): number | null {
    return this.lastEndMs === null ? null : Math.max(this.lastEndMs, this.#lastMs);
  }

  get #isFinished(): boolean {
    const { maxRuns, overlap } = this.spec;
    return maxRuns !== null && this.runs + (overlap === 'queue' ? this.waiting.length : 0) >= maxRuns;
  }

  /** Nothing is decided, but a schedule that is new now has a plan. */
  lookPaused(nowMs: number): void {
    if (this.pointerMs !== null) return;
    this.editMs ??= nowMs;
    this.pointerMs = this.#planFrom(nowMs);
    [this.editMs, this.calendarMs] = [null, null];
  }

  look(options: LookOptions): ReferenceLook {
    const { nowMs } = options;
    const setBackMs = this.#keepStep(nowMs);
    const leftOut = new Map<LeftOut['outcome'], number[]>();
    const leave = (outcome: LeftOut['outcome'], ms: number) =>
      leftOut.set(outcome, [...(leftOut.get(outcome) ?? []), ms]);
    const all = this.#due(nowMs);
    const due = [...all];
    const pending = this.#pending;
    const pausedMs = pending.findLast(({ isLeftOut }) => isLeftOut)?.untilMs ?? -Infinity;
    while ((due[0] ?? Infinity) <= pausedMs && !this.#isFinished) leave('skipped_misfire', due.shift()!);
    while (due.length > 0 && this.skipsLeft > 0 && !this.#isFinished) {
      leave('skipped_next', due.shift()!);
      this.skipsLeft -= 1;
    }
    const over = this.#isFinished ? due : [];
    const list = this.#isFinished ? [] : this.#withoutMisfires(due, nowMs, leave);
    const { fires, stop, left } = this.#admit(list, options, leave);
    const decidedMs = all.filter((ms) => ![...left, ...over].includes(ms)).at(-1) ?? 0;
    this.#endLook({
      nowMs,
      decidedMs,
      hasFormer: pending.length > 0,
      left,
      stop,
      isEmpty: leftOut.size === 0,
      hasFired: fires.length > 0,
    });
    return { fires, leftOut, stop, setBackMs };
  }

  /** Up to when all times are decided after an edit of the calendar. Looks may have had the former days since, or the clock was set back. */
  #byCalendar(calendarMs: number, nowMs: number): number {
    const pointerMs = this.pointerMs!;
    const { plannedFromMs } = this.spec;
    if (calendarMs < pointerMs && pointerMs <= nowMs)
      return Math.min(pointerMs, Math.max(calendarMs, this.#lastMs, plannedFromMs));
    return Math.max(pointerMs, Math.min(calendarMs, (this.#plannedMs ?? Infinity) - 1));
  }

  /** Edits, and clocks that were set back. */
  #keepStep(nowMs: number): number {
    if (this.pointerMs === null) this.editMs ??= nowMs;
    if (this.editMs !== null) this.#forgottenMs = null;
    const pointerMs = this.pointerMs ?? this.#planFrom(nowMs);
    const isNew = this.pointerMs === null || this.spec.plannedFromMs > pointerMs;
    this.pointerMs = pointerMs;
    const fromMs = this.#planFrom(nowMs);
    if (this.calendarMs !== null && !isNew) this.pointerMs = this.#byCalendar(this.calendarMs, nowMs);
    this.pointerMs = Math.max(this.pointerMs, fromMs);
    [this.editMs, this.calendarMs] = [null, null];
    const everyMs = this.#everyMs;
    const [a, b] = this.times.filter((ms) => ms > nowMs);
    const intervalMs = everyMs ?? (a === undefined || b === undefined ? 0 : b - a);
    const aheadMs = Math.max(this.pointerMs, everyMs === null ? 0 : (this.#countFromMs ?? 0)) - nowMs;
    const { plannedFromMs } = this.spec;
    if (aheadMs > HOUR_MS + intervalMs) {
      this.pointerMs = nowMs;
      this.lastEndMs = this.lastEndMs === null ? null : Math.min(this.lastEndMs, nowMs);
      this.#lastMs = Math.min(this.#lastMs, nowMs);
      this.waiting = this.waiting.filter((ms) => ms <= nowMs);
      this.#tried.clear();
      this.#graceFromMs = 0;
      this.#waitRefusedMs = null;
      this.#forgottenMs = this.former.length > 0 ? plannedFromMs : null;
      return aheadMs;
    }
    if (
      everyMs !== null &&
      this.#countFromMs !== null &&
      plannedFromMs <= nowMs + HOUR_MS &&
      this.#pending.length === 0
    )
      if (this.#countFromMs + everyMs <= plannedFromMs) this.lastEndMs = plannedFromMs;
    return 0;
  }

  /** All times that are not decided, of before an edit and of after it. */
  #undecided(): number[] {
    const own = this.#undecidedOf(this.spec, this.times);
    const pending = this.#pending;
    if (pending.length === 0) return own;
    const { plannedFromMs } = this.spec;
    const former = pending.flatMap((each) =>
      this.#undecidedOf(each, each.list).filter((ms) => ms > each.fromMs && ms <= each.untilMs),
    );
    const now = this.#everyMs === null ? own.filter((ms) => ms > plannedFromMs) : [];
    return [...former, ...now].filter((ms) => ms > (this.pointerMs ?? 0));
  }

  /** Those of some times, the one that counts from an end included. */
  #undecidedOf(plan: PlanFields, list: TimeList): number[] {
    const isWithin = (ms: number) => ms >= (plan.startsAtMs ?? 0) && ms < (plan.endsAtMs ?? Infinity);
    const all = list.filter((ms) => ms > (this.pointerMs ?? 0) && isWithin(ms));
    const everyMs = everyFromEnd(plan);
    if (everyMs === null) return all;
    if (this.open.length > 0 || this.waiting.length > 0) return [];
    const fromMs = this.#countFromMs;
    if (fromMs === null) return all.slice(0, 1);
    const ms = Math.max(wholeSecond(fromMs) + everyMs, plan.startsAtMs ?? 0);
    return [wholeSecond(ms)].filter(isWithin);
  }

  #due = (nowMs: number): number[] => this.#undecided().filter((ms) => ms <= nowMs);

  #isOld = (ms: number, nowMs: number): boolean =>
    nowMs - Math.max(this.#graceFromMs, ms) > this.spec.misfire.graceMs;

  #withoutMisfires(
    due: readonly number[],
    nowMs: number,
    leave: (outcome: LeftOut['outcome'], ms: number) => void,
  ): number[] {
    const { policy, limit } = this.spec.misfire;
    const isOld = (ms: number) => this.#isOld(ms, nowMs);
    const given = due.filter((ms) => !(isOld(ms) && this.#tried.has(ms)));
    for (const ms of due) if (isOld(ms) && this.#tried.has(ms)) leave('refused', ms);
    const keep = policy === 'skip' ? 0 : policy === 'fire_once' ? 1 : limit;
    const kept = given.filter(isOld).reverse().slice(0, keep);
    for (const ms of given) if (isOld(ms) && !kept.includes(ms)) leave('skipped_misfire', ms);
    return given.filter((ms) => !isOld(ms) || kept.includes(ms));
  }

  #admit(
    list: readonly number[],
    { nowMs, isRefused, maxTasks }: LookOptions,
    leave: (outcome: LeftOut['outcome'], ms: number) => void,
  ) {
    const { overlap, shards, maxRuns, misfire } = this.spec;
    const fires: { fireMs: number; outcome: PlannedFire['outcome'] }[] = [];
    const hasRoom = () => fires.length === 0 || (fires.length + 1) * shards <= maxTasks;
    let isBusy = overlap !== 'allow' && this.open.length > 0;
    let stop: ReferenceLook['stop'] = null;
    let waitRefusedMs: number | null = null;
    const make = (fireMs: number, outcome: PlannedFire['outcome']) => {
      fires.push({ fireMs, outcome });
      this.runs += 1;
      isBusy = overlap !== 'allow';
    };
    const isDue = () => (this.waiting[0] ?? Infinity) <= nowMs;
    const isOver = () => this.runs >= (maxRuns ?? Infinity);
    const mayStart = !isBusy && isDue();
    if (mayStart && isRefused) {
      stop = 'refused';
      const isGivenUp = this.#waitRefusedMs !== null && nowMs - this.#waitRefusedMs > misfire.graceMs;
      while (isGivenUp && nowMs - (this.waiting[0] ?? Infinity) > misfire.graceMs)
        leave('refused', this.waiting.shift()!);
      isBusy = overlap !== 'allow' && this.waiting.length > 0;
      waitRefusedMs = this.#waitRefusedMs ?? nowMs;
    } else if (mayStart) {
      while (!isBusy && isDue() && !isOver() && stop === null)
        if (hasRoom()) make(this.waiting.shift()!, 'queued');
        else stop = 'full';
      if (isOver()) for (const ms of this.waiting.splice(0)) leave('skipped_overlap', ms);
    }
    const left = [...list];
    for (const ms of list) {
      if (this.#isFinished) break;
      if (!isBusy && (isRefused || stop === 'full' || !hasRoom())) {
        stop = isRefused ? 'refused' : 'full';
        break;
      }
      left.shift();
      if (!isBusy) make(ms, nowMs - ms > misfire.graceMs ? 'caught_up' : 'fired');
      else if (overlap === 'skip' || (overlap === 'queue' && this.waiting.length >= MAX_WAITING))
        leave('skipped_overlap', ms);
      else {
        if (overlap === 'replace') for (const waits of this.waiting.splice(0)) leave('replaced', waits);
        this.waiting.push(ms);
      }
    }
    if (isBusy && overlap === 'replace' && !this.#isFinished)
      for (const waits of this.waiting.splice(0, this.waiting.length - 1)) leave('replaced', waits);
    this.#waitRefusedMs = waitRefusedMs;
    return { fires, stop, left };
  }

  #endLook(look: {
    readonly nowMs: number;
    /** The last time that was decided; 0 = none was. */
    readonly decidedMs: number;
    readonly hasFormer: boolean;
    readonly left: readonly number[];
    readonly stop: ReferenceLook['stop'];
    readonly isEmpty: boolean;
    readonly hasFired: boolean;
  }): void {
    const { nowMs, left, stop } = look;
    const isFromEnd = this.#everyMs !== null;
    const countsFromEnd = isFromEnd && !look.hasFormer;
    if (countsFromEnd && !look.isEmpty) this.lastEndMs = nowMs;
    this.#lastMs = look.decidedMs || this.#lastMs;
    const [first] = left;
    if (stop === 'refused') {
      const graceMs = this.spec.misfire.graceMs;
      const isHeld = nowMs - this.#graceFromMs <= graceMs;
      if (!isHeld) this.#graceFromMs = first !== undefined && nowMs - first > graceMs ? nowMs : 0;
      for (const ms of left) this.#tried.add(ms);
    } else if (stop === 'full') this.#graceFromMs = nowMs;
    else {
      this.#tried.clear();
      this.#graceFromMs = 0;
    }
    const { plannedFromMs } = this.spec;
    const lookedMs = isFromEnd && look.hasFormer ? plannedFromMs : nowMs;
    if (stop === null) this.pointerMs = Math.max(this.pointerMs ?? 0, lookedMs);
    else if (!countsFromEnd) this.pointerMs = Math.max(this.pointerMs ?? 0, look.decidedMs);
    this.#plannedMs =
      this.#isFinished || (isFromEnd && look.hasFired) ? null : (this.#undecided()[0] ?? null);
  }
}
