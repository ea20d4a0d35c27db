import type { EnqueueEvent } from './scheduler-entries.ts';

/** A schedule as Go's tools show it. Times are wall-clock ms. */
export interface ShownSchedule {
  /** Stored name. */
  readonly name: string;
  /** When it fires, for people: `CRON_TZ=Asia/Shanghai 30 8 * * *`, `@every 15m`. */
  readonly spec: string;
  /** What its tasks are made of. The queue is the stored one. */
  readonly queue: string;
  readonly type: string;
  /** Null = it is empty, absent or too long to be shown. */
  readonly payload: Uint8Array | null;
  readonly maxRetries: number;
  /** 0 = not set; so are the next two. */
  readonly timeoutMs: number;
  readonly retentionMs: number;
  readonly uniqueMs: number;
  readonly group: string | null;
  readonly nextMs: number;
  /** Null = it has not fired. */
  readonly prevMs: number | null;
}

/** What has fired of a schedule, for a time. */
export interface ShownFires {
  /** At most `MAX_FIRES`. */
  readonly events: readonly EnqueueEvent[];
  readonly ttlMs: number;
}

/**
 * Shows schedules to Go's tools, which know periodic tasks as the entries of a scheduler. For people: nothing is decided by it.
 * All who write it write the same place, so one at a time should: the last call wins. `schedulerEntries.entries` leaves it out.
 */
export interface ScheduleView {
  /** Shows these schedules for `ttlMs` (rounded up to seconds) in place of those before. */
  show(schedules: readonly ShownSchedule[], ttlMs: number): Promise<void>;
  /** Shows what has fired of a schedule, in place of what was shown before. */
  showFires(name: string, fires: ShownFires): Promise<void>;
  /** Shows no fires of these schedules any more. */
  hideFires(names: readonly string[]): Promise<void>;
}
