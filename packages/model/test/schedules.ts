// What tests of schedules share: times that are multiples, a specification, and a store of one schedule that is looked at.
import { pausedSpec, putSpec, resumedSpec, skipsLeftOf } from '../src/schedules/edits.ts';
import { planFires, withMadeTasks } from '../src/schedules/plan-fires.ts';
import type { PlanTimes } from '../src/schedules/due-times.ts';
import type { Ledger, OpenRun } from '../src/schedules/ledger.ts';
import type { Plan, PlanInput } from '../src/schedules/plan.ts';
import { withEndedRuns } from '../src/schedules/runs.ts';
import type { ScheduleSpec } from '../src/schedules/spec.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
/** Some time on a whole hour. */
export const START_MS = Date.UTC(2026, 4, 14, 10);

/** Times that are multiples, and a count of the questions that they were asked. */
export function multiplesOf(everyMs: number): PlanTimes & { asked: number } {
  const last = (ms: number) => Math.floor(ms / everyMs);
  const times = {
    asked: 0,
    next: (afterMs: number) => (asked(), (last(afterMs) + 1) * everyMs),
    previous: (atMs: number, afterMs: number) => (
      asked(),
      last(atMs) * everyMs > afterMs ? last(atMs) * everyMs : null
    ),
    count: (afterMs: number, toMs: number) => (asked(), last(toMs) - last(afterMs)),
  };
  const asked = () => (times.asked += 1);
  return times;
}

export const NO_TASK: ScheduleSpec['task'] = {
  queue: 'default',
  type: 'report',
  payload: null,
  headers: {},
  maxRetries: 0,
  timeoutMs: 0,
  retentionMs: 0,
  uniqueMs: 0,
  group: null,
  meta: {},
};

/** A schedule that was created at `START_MS`. */
export const aSpec = (fields: Partial<ScheduleSpec> = {}): ScheduleSpec => ({
  id: 'daily-report',
  name: null,
  owner: null,
  businessId: null,
  source: 'api',
  times: { kind: 'cron', cron: '* * * * *', dialect: 'unix' },
  timezone: 'UTC',
  calendar: null,
  startsAtMs: null,
  endsAtMs: null,
  skipNext: 0,
  jitterMs: 0,
  maxRuns: null,
  shards: 1,
  misfire: { policy: 'fire_once', graceMs: MINUTE_MS, limit: 10 },
  overlap: 'allow',
  task: NO_TASK,
  createdMs: START_MS,
  updatedMs: START_MS,
  plannedFromMs: START_MS,
  skipSetMs: START_MS,
  ...fields,
});

/** A specification without what a put leaves to the stored one. */
export function settingsOf({ former: _former, pausedMs: _paused, ...spec }: ScheduleSpec) {
  return spec;
}

/** One schedule, looked at as a scheduler does. Times are ms after `START_MS`. */
export class Bench {
  spec: ScheduleSpec;
  times: PlanTimes;
  /** Former times, by the time from which they held. */
  readonly formerTimes = new Map<number, PlanTimes>();
  revision = 1;
  isPaused = false;
  calendar: NonNullable<PlanInput['calendar']> | null = null;
  ledger: Ledger | null = null;
  plan: Plan | null = null;
  maxTasks = 1_024;
  /** Whether the last look had tasks that the queue did not take. */
  wasRefused = false;
  #ids = 0;

  constructor(times: PlanTimes, fields: Partial<ScheduleSpec> = {}) {
    this.times = times;
    this.spec = aSpec(fields);
  }

  /** Looks at the schedule. With `isRefused` the queue takes no task. Returns what was made and left out, as texts. */
  look(atMs: number, isRefused = false): string[] {
    const { spec, revision, isPaused, calendar, times, ledger, maxTasks } = this;
    const formerTimes = (spec.former ?? []).map(({ fromMs }) => this.formerTimes.get(fromMs)!);
    const input = { spec, revision, isPaused, calendar, times, formerTimes, ledger, maxTasks };
    const nowMs = START_MS + atMs;
    let plan = planFires(input, nowMs);
    this.wasRefused = isRefused && plan.fires.length > 0;
    if (this.wasRefused) plan = planFires({ ...input, isRefused: true }, nowMs);
    const made = plan.fires.flatMap(({ fireMs, tasks }) =>
      Array.from({ length: tasks }, () => this.#run(fireMs, nowMs)),
    );
    this.plan = withMadeTasks(plan, { spec, made, nowMs });
    this.ledger = this.plan.ledger;
    const shown = (ms: number) => (ms - START_MS) / SECOND_MS;
    return [
      ...plan.leftOut.map(
        ({ outcome, count, fromMs, toMs }) => `${outcome} ${count} ${shown(fromMs)}-${shown(toMs)}`,
      ),
      ...plan.fires.map(({ outcome, fireMs }) => `${outcome} ${shown(fireMs)}`),
    ];
  }

  /** Ends runs, all that are open unless it is said which; returns whether that is a reason to look now. */
  end(atMs: number, ids: readonly string[] = this.ledger?.open.map(({ id }) => id) ?? []): boolean {
    if (this.ledger === null) return false;
    const ends = ids.map((id) => ({ id, endMs: START_MS + atMs }));
    const { ledger, isAwaited } = withEndedRuns({ spec: this.spec, ledger: this.ledger }, ends);
    this.ledger = ledger;
    return isAwaited;
  }

  edit(fields: Partial<ScheduleSpec>, atMs: number): void {
    this.spec = { ...this.spec, ...fields, updatedMs: START_MS + atMs };
    this.revision += 1;
  }

  /** Edits it as its owner does. */
  put(fields: Partial<ScheduleSpec>, atMs: number): void {
    const { spec, ledger } = this;
    const settings = { ...settingsOf(spec), skipNext: skipsLeftOf({ spec, ledger }), ...fields };
    this.spec = putSpec({ spec, ledger }, { settings, task: NO_TASK, source: 'api' }, START_MS + atMs);
    this.revision += 1;
  }

  /** Gives it other times, as its owner does. */
  setTimes(times: PlanTimes, fields: Partial<ScheduleSpec>, atMs: number): void {
    this.#keepTimes();
    this.put(fields, atMs);
    this.times = times;
  }

  pause(atMs: number): void {
    this.spec = pausedSpec(this.spec, START_MS + atMs);
    this.isPaused = true;
    this.revision += 1;
  }

  resume(atMs: number): void {
    const { spec, ledger } = this;
    this.#keepTimes();
    this.spec = resumedSpec({ spec, ledger }, START_MS + atMs);
    this.isPaused = false;
    this.revision += 1;
  }

  #keepTimes(): void {
    this.formerTimes.set(this.spec.plannedFromMs, this.times);
  }

  /** When it is looked at next, ms after `START_MS`. */
  get nextLookMs(): number | null {
    const ms = this.plan?.nextLookMs ?? null;
    return ms === null ? null : ms - START_MS;
  }

  #run(fireMs: number, nowMs: number): OpenRun {
    this.#ids += 1;
    return { id: `task-${this.#ids}`, fireMs, deadlineMs: nowMs + HOUR_MS };
  }
}
