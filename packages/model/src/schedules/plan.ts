import type { TimesInput } from './due-times.ts';
import type { Ledger } from './ledger.ts';

/** What a look at a schedule starts from. */
export interface PlanInput extends TimesInput {
  readonly revision: number;
  readonly isPaused: boolean;
  /** Null = nothing was planned yet. */
  readonly ledger: Ledger | null;
  /** The calendar that `times` was made with; null = none. */
  readonly calendar?: { readonly version: number; readonly changedMs: number } | null;
  /** The queue has just refused what this plan would store: decides only what needs no task. Default false. */
  readonly isRefused?: boolean;
  /** Most tasks of one plan; one fire always fits. Default 256, as many as one call takes. */
  readonly maxTasks?: number;
}

/** A fire that is made: a line of the history. */
export interface PlannedFire {
  /** Its logical time. With the schedule it is the fire's identity. */
  readonly fireMs: number;
  /** `fired`: on time, or late within grace. `caught_up`: later, as the misfire policy says. `queued`: it has waited for the end of a run. */
  readonly outcome: 'fired' | 'caught_up' | 'queued';
  /** How many tasks to store: the shards of the schedule. */
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
  /** The new ledger. `withMadeTasks` adds the tasks to it. */
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
