// Fires of schedules: what schedulers write, and the history of it.
import type { SchedulePlan, ScheduleRef } from './schedule-records.ts';
import type { NewTask } from './submit.ts';

/**
 * How a fire went, or why it is left out: docs/design/data-model.md#schedules. `fired`, `caught_up`, `queued`, `manual` and
 * `backfilled` have tasks, the others have none.
 */
export const FIRE_OUTCOMES = [
  'fired',
  'caught_up',
  'queued',
  'refused',
  'skipped_misfire',
  'skipped_overlap',
  'skipped_next',
  'replaced',
  'manual',
  'backfilled',
] as const;
export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/** How tasks of schedules end, from the best to the worst. `gone`: somebody removed it, or nobody saw its end. */
export const END_STATES = ['completed', 'gone', 'cancelled', 'archived'] as const;
export type EndState = (typeof END_STATES)[number];

/** Lines of history that are kept of a schedule. */
export const MAX_FIRES = 100;
/** For how long they are kept, ms. */
export const KEEP_FIRES_MS = 30 * 86_400_000;
/** Most schedules that `upcoming` lists. */
export const MAX_UPCOMING = 1_000;

/** A fire, or several that are left out together: one line of the history. */
export interface NewFire {
  readonly outcome: FireOutcome;
  /** Its logical time; of several the first one. */
  readonly fireMs: number;
  /** The last logical time of several. */
  readonly toMs: number;
  /** How many they are, from 1. */
  readonly count: number;
  /** The tasks to store: one per shard. Their queue is the schedule's. */
  readonly tasks: readonly NewTask[];
}

/** What a scheduler has decided about a schedule. It is written whole or not at all. */
export interface FireWrite {
  readonly name: string;
  /** As it was read. */
  readonly stamp: number;
  /** Oldest first; none = only the plan changes. */
  readonly fires: readonly NewFire[];
  readonly plan: SchedulePlan;
}

/** Why the tasks of a write are not stored. `invalid-task`: a text of one is not valid Unicode, or it has what cannot be encoded. */
type FireRefusal = 'broker-full' | 'task-exists' | 'duplicate-task' | 'invalid-task';

/** What came of it. But for `fired`, nothing was written. */
export type FireWriteOutcome =
  | { readonly code: 'fired' }
  /** It was changed or removed since it was read, or another scheduler was faster: look at it again. */
  | { readonly code: 'changed' }
  /** It is paused. Fires that are all `manual` are made all the same. */
  | { readonly code: 'paused' }
  /** A logical time lies after the broker's `nowMs`. */
  | { readonly code: 'in-future'; readonly nowMs: number }
  /** The tasks cannot be stored now. It stays due: `due` hands it out again after `HIDE_MS`. */
  | { readonly code: 'refused'; readonly cause: FireRefusal };

/** A schedule that will fire. */
export interface UpcomingFire extends ScheduleRef {
  readonly business: string | null;
  readonly owner: string | null;
  readonly nextFireMs: number;
}

/** From `fromMs` on and before `toMs`, wall-clock ms. */
export interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A line of the history. */
export interface FireRecord extends ScheduleRef, Omit<NewFire, 'tasks'> {
  /** Its place: of two lines of a queue with the same `fireMs` the greater one is newer. */
  readonly line: number;
  readonly business: string | null;
  readonly owner: string | null;
  /** When it was decided, wall-clock ms by the broker's clock. */
  readonly atMs: number;
  /** ID of its first task; null = it has none. */
  readonly taskId: string | null;
  /** Number of its tasks. */
  readonly tasks: number;
  /** Number of its tasks that have ended. */
  readonly ended: number;
  /** The worst end of them; null = none has ended. */
  readonly end: EndState | null;
  /** When the last one of them ended; null = none has. */
  readonly endedMs: number | null;
}

/** Asks for a page of the history of a queue. All that is given must hold; what is left out does not matter. */
export interface FireListRequest {
  readonly queue: string;
  /** Only fires of this schedule. */
  readonly name?: string;
  readonly businesses?: readonly string[];
  readonly owners?: readonly string[];
  readonly outcomes?: readonly FireOutcome[];
  /** Only fires whose worst end is one of these. */
  readonly ends?: readonly EndState[];
  /** By logical time; of several fires by the first one. */
  readonly span?: TimeSpan;
  /** 1 to `MAX_PAGE`. */
  readonly limit: number;
  /** Only lines before this place. Without `line`: before this time. Null = from the newest on. */
  readonly before: { readonly fireMs: number; readonly line?: number } | null;
}

export interface FirePage {
  /** The latest logical time first; with the same one, the newest line first. */
  readonly fires: readonly FireRecord[];
  /** Where the next page begins; null = this was the last one. A page may be short or empty and not be the last one. */
  readonly next: { readonly fireMs: number; readonly line: number } | null;
}
