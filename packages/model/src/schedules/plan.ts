import type { Ledger } from './ledger.ts';
import type { ScheduleSpec } from './spec.ts';

/** The times of a schedule, by questions that cost little however many there are. */
export interface PlanTimes {
  /** The first time after `afterMs`; null = never again. */
  next(afterMs: number): number | null;
  /** The last time up to and with `atMs` that lies after `afterMs`; null = none. */
  previous(atMs: number, afterMs: number): number | null;
  /** The number of times after `afterMs`, up to and with `toMs`. */
  count(afterMs: number, toMs: number): number;
}

/** What a look at a schedule starts from. */
export interface PlanInput {
  readonly spec: ScheduleSpec;
  readonly revision: number;
  /** Null = nothing was planned yet. */
  readonly ledger: Ledger | null;
  /** The times of the specification, its calendar included. */
  readonly times: PlanTimes;
  /** The calendar that `times` was made with; null = none. */
  readonly calendar?: { readonly version: number; readonly changedMs: number } | null;
  /** The queue has just refused what this plan would store: decides only what needs no task. Default false. */
  readonly isRefused?: boolean;
  /** Most tasks of one plan; one fire always fits. Default `MAX_PLAN_TASKS`. */
  readonly maxTasks?: number;
}

/** A fire that is made, or that waits. Each is a line of the history. */
export interface PlannedFire {
  /** Its logical time. With the schedule it is the fire's identity. */
  readonly fireMs: number;
  /**
   * `fired`: on time or within grace, or it has waited until now. `caught_up`: later, as the misfire policy says. `queued`: it
   * waits for the end of a run from now on, and there is no task yet; it is `fired` then, unless it is `replaced`.
   */
  readonly outcome: 'fired' | 'caught_up' | 'queued';
  /** How many tasks to store: the shards of the schedule; 0 while it waits. */
  readonly tasks: number;
  /** The delay of each of them, by jitter. */
  readonly delayMs: number;
}

/** Fires that are left out together: one line of the history. */
export interface LeftOut {
  readonly outcome: 'skipped_misfire' | 'skipped_overlap' | 'skipped_next' | 'replaced' | 'refused';
  /** How many; at least 1. */
  readonly count: number;
  /** The first and the last of them. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a look at a schedule comes to. */
export interface Plan {
  /** In the order in which they are made. */
  readonly fires: readonly PlannedFire[];
  readonly leftOut: readonly LeftOut[];
  /** The new ledger. The tasks that were made are added to it by `withOpenRuns`. */
  readonly ledger: Ledger;
  /** When to look again, at once with `isMore`; null = never, until something changes. */
  readonly nextLookMs: number | null;
  /** There is more to be made now than one plan may have. */
  readonly isMore: boolean;
  /**
   * How far the last plan was ahead of now, if that is too far: the clock was set back by hours, and the schedule was planned
   * anew from now on. Else 0.
   */
  readonly setBackMs: number;
}
