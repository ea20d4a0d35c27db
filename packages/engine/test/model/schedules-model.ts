// What a broker that keeps schedules must do, as plain data in memory.
import { END_STATES, type EndState, type FireOutcome } from '../../src/broker/fires.ts';
import type { SchedulePlan } from '../../src/broker/schedule-records.ts';
import { HIDE_MS, MAX_AHEAD_MS } from '../../src/broker/schedules.ts';

/** A line of the history. */
export interface ModelLine {
  readonly outcome: FireOutcome;
  readonly fireMs: number;
  readonly atMs: number;
  readonly tasks: readonly string[];
  ended: number;
  end: EndState | null;
  endedMs: number | null;
}

export interface ModelSchedule {
  readonly name: string;
  readonly queue: string;
  revision: number;
  readonly createdMs: number;
  changedMs: number;
  plan: SchedulePlan;
  plannedMs: number;
  failing: boolean;
  endedFireMs: number | null;
  /** Oldest first. */
  readonly lines: ModelLine[];
}

/** What a fire is to write. */
export interface ModelFire {
  readonly outcome: FireOutcome;
  readonly fireMs: number;
  readonly tasks: readonly string[];
}

const NO_PLAN = { ledger: 'null', lastFireMs: null, runs: 0, open: [], awaitsEnd: false } as const;

export class SchedulesModel {
  nowMs: number;
  readonly schedules = new Map<string, ModelSchedule>();
  /** Tasks that have not ended, and where they belong; the line is null once the schedule is removed. */
  readonly tasks = new Map<string, { readonly schedule: ModelSchedule; readonly line: ModelLine }>();
  /** Ends of tasks that a ledger may still count as open. */
  readonly ends = new Map<string, { readonly end: EndState; readonly endedMs: number }>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  put(name: string, queue: string, nextFireMs: number | null): void {
    const found = this.schedules.get(name);
    const planned = { nextFireMs, nextLookMs: this.nowMs };
    if (found) {
      found.revision += 1;
      found.changedMs = found.plannedMs = this.nowMs;
      found.plan = { ...found.plan, ...planned };
      return;
    }
    this.schedules.set(name, {
      name,
      queue,
      revision: 1,
      createdMs: this.nowMs,
      changedMs: this.nowMs,
      plan: { ...NO_PLAN, ...planned },
      plannedMs: this.nowMs,
      failing: false,
      endedFireMs: null,
      lines: [],
    });
  }

  /** Its tasks go on, and their ends concern nobody. */
  remove(name: string): void {
    this.schedules.delete(name);
  }

  fire(schedule: ModelSchedule, fires: readonly ModelFire[], plan: SchedulePlan): void {
    for (const { outcome, fireMs, tasks } of fires) {
      const line = { outcome, fireMs, atMs: this.nowMs, tasks, ended: 0, end: null, endedMs: null };
      schedule.lines.push(line);
      for (const id of tasks) this.tasks.set(id, { schedule, line });
    }
    const isOver = plan.awaitsEnd && plan.open.some((id) => !this.tasks.has(id));
    const earliestMs = Math.min(plan.nextLookMs ?? Infinity, this.nowMs);
    schedule.plan = isOver ? { ...plan, nextLookMs: earliestMs } : plan;
    schedule.plannedMs = this.nowMs;
  }

  end(id: string, end: EndState): void {
    const { schedule, line } = this.tasks.get(id)!;
    this.tasks.delete(id);
    this.ends.set(id, { end, endedMs: this.nowMs });
    if (this.schedules.get(schedule.name) !== schedule) return;
    line.ended += 1;
    line.endedMs = this.nowMs;
    const worst = Math.max(END_STATES.indexOf(end), line.end === null ? 0 : END_STATES.indexOf(line.end));
    line.end = END_STATES[worst]!;
    this.#recordFailure(schedule, line.fireMs, end === 'archived' || end === 'cancelled');
    if (schedule.plan.awaitsEnd && schedule.plan.open.includes(id)) this.lookNow(schedule);
  }

  #recordFailure(schedule: ModelSchedule, fireMs: number, isFailed: boolean): void {
    const { endedFireMs } = schedule;
    if (endedFireMs !== null && endedFireMs > fireMs) return;
    schedule.failing = isFailed || (endedFireMs === fireMs && schedule.failing);
    schedule.endedFireMs = fireMs;
  }

  lookNow(schedule: ModelSchedule): void {
    const { nextLookMs } = schedule.plan;
    if (nextLookMs !== null && nextLookMs <= this.nowMs) return;
    schedule.plan = { ...schedule.plan, nextLookMs: this.nowMs };
    schedule.plannedMs = this.nowMs;
  }

  isAhead = ({ plan, plannedMs }: ModelSchedule): boolean =>
    plan.nextLookMs !== null && plannedMs > this.nowMs + MAX_AHEAD_MS;

  /** Those that `due` may hand out. */
  dueIn(queue: string): ModelSchedule[] {
    const isDue = (one: ModelSchedule) =>
      (one.plan.nextLookMs ?? Infinity) <= this.nowMs || this.isAhead(one);
    return [...this.schedules.values()].filter((one) => one.queue === queue && isDue(one));
  }

  hide(schedule: ModelSchedule): void {
    schedule.plan = { ...schedule.plan, nextLookMs: this.nowMs + HIDE_MS };
    schedule.plannedMs = this.nowMs;
  }

  nextLookIn(queue: string): number | null {
    const looks = [...this.schedules.values()].flatMap(({ plan, queue: own }) =>
      own === queue && plan.nextLookMs !== null ? [plan.nextLookMs] : [],
    );
    return looks.length === 0 ? null : Math.min(...looks);
  }

  /** The history of a schedule, newest first. */
  historyOf = ({ lines }: ModelSchedule): ModelLine[] =>
    lines
      .map((line, at) => ({ line, at }))
      .sort((a, b) => b.line.fireMs - a.line.fireMs || b.at - a.at)
      .map(({ line }) => line);
}
