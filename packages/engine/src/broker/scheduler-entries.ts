/** A periodic task, as its scheduler shows it. Times are wall-clock ms. */
export interface EntryRecord {
  /** A UUID. */
  readonly id: string;
  /** When it fires: a cron expression, or `@every 30s`. */
  readonly spec: string;
  readonly type: string;
  /** Null = it is empty or absent. */
  readonly payload: Uint8Array | null;
  /** Options of its tasks, as Asynq writes them: `Queue("low")`. */
  readonly options: readonly string[];
  /** When it fires next; null = never again. */
  readonly nextMs: number | null;
  /** The planned time that it fired for last; null = it has not fired. */
  readonly prevMs: number | null;
}

/** An entry fired and its task was stored. */
export interface EnqueueEvent {
  readonly taskId: string;
  /** Wall-clock ms. */
  readonly atMs: number;
}

/** Selects events: `page` counts from 1, `pageSize` is at most `MAX_EVENTS`. */
export interface EventPage {
  readonly page: number;
  readonly pageSize: number;
}

/** Most events kept for an entry, as in Asynq; older ones are removed. */
export const MAX_EVENTS = 1_000;

/**
 * Which schedulers enqueue on this broker, and what they have enqueued: for people, nothing is decided by it. Data of
 * other programs that cannot be read is left out.
 */
export interface SchedulerEntries {
  /** Shows these entries for `ttlMs` (rounded up to seconds), in place of the scheduler's entries before. */
  writeEntries(
    scheduler: string,
    shown: { readonly entries: readonly EntryRecord[]; readonly ttlMs: number },
  ): Promise<void>;
  /** Removes the scheduler's entries. */
  clearEntries(scheduler: string): Promise<void>;
  /** Entries that are shown now, in no order; at most 1,000 schedulers and 10,000 entries of each. */
  entries(): Promise<EntryRecord[]>;
  /** Adds an event to an entry's history. Events beyond `MAX_EVENTS` are removed, the oldest first. */
  recordEvent(entryId: string, event: EnqueueEvent): Promise<void>;
  /** A page of an entry's history, newest first. */
  events(entryId: string, page: EventPage): Promise<EnqueueEvent[]>;
  /** Removes the histories of these entries. */
  clearEvents(entryIds: readonly string[]): Promise<void>;
}
