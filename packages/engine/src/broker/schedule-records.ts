// A schedule as it is stored, and lists of schedules. Fires are in fires.ts, the calls in schedules.ts.

/** A schedule that waits for its fire for longer than this counts as late, ms. */
export const LATE_MS = 60_000;
/** Most names or spans of time in one call. */
export const MAX_SCHEDULE_NAMES = 500;

/**
 * The plan of a schedule, which its scheduler computes. Brokers do not read the ledger. Beside it stand the few facts of it
 * that they need. Times are wall-clock ms by the broker's clock.
 */
export interface SchedulePlan {
  /** JSON; `null` = there is no plan yet. */
  readonly ledger: string;
  /** The last logical time that was decided; null = none was. */
  readonly lastFireMs: number | null;
  /** The next logical time; null = there is none. */
  readonly nextFireMs: number | null;
  /** When `due` must hand it out again; null = not before it is changed. */
  readonly nextLookMs: number | null;
  /** Number of fires that were made. */
  readonly runs: number;
  /** IDs of the tasks that the ledger counts as open runs, at most `MAX_OPEN_RUNS`: stored with this plan or an earlier one. */
  readonly open: readonly string[];
  /** Whether the end of one of them brings the next look to now. */
  readonly awaitsEnd: boolean;
}

/** What is known of a schedule apart from its plan. Brokers do not read the specification. */
export interface ScheduleText {
  /** JSON. */
  readonly spec: string;
  /** For lists. */
  readonly business: string | null;
  readonly owner: string | null;
  /** Where it comes from: `api`, `config`. */
  readonly source: string;
  /** The calendar that it follows. */
  readonly calendar: string | null;
  /** Why it is paused, for people; '' = nobody said so. Null = it is not paused. */
  readonly pauseReason: string | null;
}

/** Names a schedule. */
export interface ScheduleRef {
  /** Stored queue. */
  readonly queue: string;
  /** Stored name: the plain ID, or `<business>.<id>`. In the whole broker a name belongs to one schedule. */
  readonly name: string;
}

/** A schedule to write. */
export interface SchedulePut extends ScheduleRef, ScheduleText {
  /** 0 = there must be none with this name; else the revision that it replaces. */
  readonly expectedRevision: number;
  /** The next fire, for lists, until a scheduler has planned it; null = none is known. */
  readonly nextFireMs: number | null;
  /** When `due` hands it out. Left out = at once; later only where nothing must be planned before. */
  readonly nextLookMs?: number;
}

/** What came of writing a schedule. */
export type PutOutcome =
  | { readonly code: 'stored'; readonly revision: number }
  /** There is one with this name; `queue` is where. */
  | { readonly code: 'schedule-exists'; readonly queue: string }
  /** There is none with this name in this queue. */
  | { readonly code: 'not-found' }
  /** Somebody has changed it; `revision` is the current one. */
  | { readonly code: 'version-mismatch'; readonly revision: number };

/** A schedule to remove. */
export interface ScheduleRemoval extends ScheduleRef {
  /** Left out: whatever its revision. */
  readonly expectedRevision?: number;
}

export type RemoveOutcome =
  | { readonly code: 'removed' }
  | { readonly code: 'not-found' }
  | { readonly code: 'version-mismatch'; readonly revision: number };

/**
 * A stored schedule. Where another program has damaged more than its specification, `spec` is '' and `revision` 0: it can be removed and
 * put anew.
 */
export interface ScheduleRecord extends ScheduleRef, ScheduleText, SchedulePlan {
  /** From 1. Each `put` adds 1. */
  readonly revision: number;
  /** Changes with the specification and never comes again, not even when the schedule is removed and made anew. */
  readonly specStamp: number;
  /** Changes with each write of the schedule or of its plan, and never comes again. */
  readonly stamp: number;
  readonly createdMs: number;
  /** When its specification was written last. */
  readonly changedMs: number;
  /** Whether the newest fire with an ended task has one that was archived or cancelled. */
  readonly failing: boolean;
}

/** Which schedules are listed. All that is given must hold; what is left out does not matter. */
export interface ScheduleFilter {
  /** Only those of these businesses, at most 1,000. */
  readonly businesses?: readonly string[];
  readonly owners?: readonly string[];
  readonly source?: string;
  readonly calendar?: string;
  readonly paused?: boolean;
  readonly failing?: boolean;
  /** Whether it has waited for its next fire for more than `LATE_MS`, and is not paused. */
  readonly late?: boolean;
}

/** Asks for a page of schedules. */
export interface ScheduleListRequest extends ScheduleFilter {
  /** In this order, at most `MAX_SCHEDULE_NAMES`. */
  readonly queues: readonly string[];
  /** 1 to `MAX_PAGE`. */
  readonly limit: number;
  /** Begin after this one, which need not exist; null = from the start. */
  readonly after: ScheduleRef | null;
}

export interface SchedulePage {
  /** In the order of the queues, then by name. A page ends early at `MAX_PAGE_BYTES`. */
  readonly schedules: readonly ScheduleRecord[];
  /** Where the next page begins; null = this was the last one. A page may be short or empty and not be the last one. */
  readonly next: ScheduleRef | null;
  /** The broker's clock, wall-clock ms. */
  readonly nowMs: number;
}

/** Numbers of schedules in a queue. */
export interface ScheduleCounts {
  readonly all: number;
  readonly paused: number;
  readonly failing: number;
  readonly late: number;
}
