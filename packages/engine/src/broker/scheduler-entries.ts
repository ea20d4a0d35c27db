/** What a scheduler enqueues again and again, as it shows it. Times: wall-clock ms. */
export interface EntryRecord {
  /** A UUID. */
  readonly id: string;
  /** When it fires: a cron text such as `@every 30s`. */
  readonly spec: string;
  readonly type: string;
  /** Empty and absent are the same: null. */
  readonly payload: Uint8Array | null;
  /** Options of the entry as Asynq writes them: `Queue("low")`. */
  readonly options: readonly string[];
  /** Null: never. */
  readonly nextMs: number | null;
  /** The time that it was last fired for; null: not yet. */
  readonly prevMs: number | null;
}

/** That an entry fired and its task was stored. */
export interface EnqueueEvent {
  readonly taskId: string;
  /** Wall-clock ms. */
  readonly atMs: number;
}

/** Which events: `page` from 1, `pageSize` at most `MAX_EVENTS`. */
export interface EventPage {
  readonly page: number;
  readonly pageSize: number;
}

/** Events kept of an entry, the newest; as in Asynq (protocol 3.24). */
export const MAX_EVENTS = 1_000;

/**
 * Who schedules here, and what came of it: for people to see, nothing is decided by it. What is stored by others and
 * cannot be read is left out.
 */
export interface SchedulerEntries {
  /** Shows these entries for `ttlMs`, rounded up to seconds, in place of what the scheduler showed before. */
  writeEntries(
    scheduler: string,
    shown: { readonly entries: readonly EntryRecord[]; readonly ttlMs: number },
  ): Promise<void>;
  /** It is gone. */
  clearEntries(scheduler: string): Promise<void>;
  /** Entries of all schedulers known now, in no order; at most 1,000 schedulers, 10,000 entries of each. */
  entries(): Promise<EntryRecord[]>;
  /** Adds to the history of an entry; the oldest beyond `MAX_EVENTS` go. */
  recordEvent(entryId: string, event: EnqueueEvent): Promise<void>;
  /** A page of an entry's history, newest first. */
  events(entryId: string, page: EventPage): Promise<EnqueueEvent[]>;
  /** Forgets what these entries did. */
  clearEvents(entryIds: readonly string[]): Promise<void>;
}
