import type { CallOptions } from './call-options.ts';
import type {
  EndState,
  FireListRequest,
  FirePage,
  FireWrite,
  FireWriteOutcome,
  TimeSpan,
  UpcomingFire,
} from './fires.ts';
import type {
  PutOutcome,
  RemoveOutcome,
  ScheduleCounts,
  ScheduleListRequest,
  SchedulePage,
  SchedulePut,
  ScheduleRecord,
  ScheduleRef,
  ScheduleRemoval,
} from './schedule-records.ts';

/** For how long `due` hides what it hands out, ms. */
export const HIDE_MS = 2_000;
/** A schedule that was planned this much after the broker's clock is handed out at once: the clock was set back. */
export const MAX_AHEAD_MS = 3_600_000;

/** A task that a ledger counts as an open run. */
export interface OpenRun {
  readonly id: string;
  /** Null = it has not ended. */
  readonly end: EndState | null;
  /** When it ended; where nobody saw it, when that was found out. Null = it has not ended. */
  readonly endedMs: number | null;
}

/** A schedule that must be looked at. */
export interface DueSchedule extends ScheduleRecord {
  /** What has become of the tasks in `open`, in order. */
  readonly openRuns: readonly OpenRun[];
  /** It was planned more than `MAX_AHEAD_MS` after now: the broker's clock was set back, and it must be planned anew. */
  readonly wasAhead: boolean;
}

/** When a queue must be looked at. */
export interface KnownLook {
  readonly queue: string;
  /** Wall-clock ms by the broker's clock; null = no schedule of it waits. */
  readonly nextLookMs: number | null;
}

export interface NextLook extends KnownLook {
  /** The same in ms from now; 0 = at once. */
  readonly nextLookInMs: number | null;
}

/** What `due` hands out. */
export interface DueSchedules extends NextLook {
  /** The broker's clock, wall-clock ms. */
  readonly nowMs: number;
  /** The earliest look first. */
  readonly schedules: readonly DueSchedule[];
}

/**
 * Schedules, and their fires. Any number of schedulers may work on the same queues: a logical time of a schedule is decided
 * once, as each write names the `stamp` that it has read. Tasks of schedules are marked: whatever of ours ends them also
 * records that in the history. docs/design/data-model.md#schedules
 */
export interface ScheduleStore {
  /**
   * Writes schedules, each whole or not at all, and registers their queues. Their plans stay as they are: a put does not race
   * with a fire. `due` hands them out at once, to be planned anew, or when the put says so. A new one has an empty plan.
   *
   * @throws TaskCenterError as any call; `broker-full`
   */
  put(schedules: readonly SchedulePut[]): Promise<PutOutcome[]>;
  /** Removes schedules with their history. Their tasks stay. */
  remove(schedules: readonly ScheduleRemoval[]): Promise<RemoveOutcome[]>;
  /** Schedules by name, at most `MAX_SCHEDULE_NAMES`; null = there is none. */
  get(names: readonly string[]): Promise<{ nowMs: number; schedules: (ScheduleRecord | null)[] }>;
  /** A page of schedules. A call looks at `MAX_SCANNED` schedules at most. */
  list(request: ScheduleListRequest): Promise<SchedulePage>;
  /** Those of the queues that have schedules, in order. Looks at no schedule. */
  queuesWithSchedules(queues: readonly string[]): Promise<string[]>;
  /** Numbers of schedules per queue, in order. @param businesses only those of these; null = of any and none */
  counts(queues: readonly string[], businesses: readonly string[] | null): Promise<ScheduleCounts[]>;

  /** When these queues must be looked at, in order. Many queues in few calls; changes nothing. Null = it could not be asked. */
  nextLooks(queues: readonly string[]): Promise<(NextLook | null)[]>;
  /** The same of one queue that the caller has just written to: a broker that has seen that needs no call. */
  nextLookOf(queue: string): Promise<NextLook | null>;
  /**
   * Hands out schedules that must be looked at, and hides them for `HIDE_MS`: other callers get other ones. It ends early at
   * bounds of the broker, such as `MAX_BATCH_BYTES`; one schedule always fits. The next look is that of the queue afterwards. It is 0
   * ms away where more are due.
   *
   * It also finds out what has become of open runs whose end nobody saw, and records that in the history.
   *
   * @param limit 1 to 256
   */
  due(queue: string, limit: number): Promise<DueSchedules>;
  /**
   * Writes what a scheduler has decided: tasks, plan and history. Calls of more than 256 tasks or `MAX_BATCH_BYTES` are
   * divided between schedules; a single write should stay within both.
   */
  fire(queue: string, writes: readonly FireWrite[], options?: CallOptions): Promise<FireWriteOutcome[]>;
  /** Brings the next looks of schedules to now, such as those of a calendar that has changed. Ignores those that do not exist. */
  lookNow(schedules: readonly ScheduleRef[]): Promise<void>;
  /**
   * Waits until a schedule in one of the queues must be looked at earlier than the caller knows. Resolves to the queues in which
   * that was seen; none when the signal aborts. As with all `Signals`: it may resolve without a reason, signals may be lost,
   * and it never rejects.
   */
  waitForLook(known: readonly KnownLook[], signal: AbortSignal): Promise<readonly string[]>;

  /** A page of the history. A call looks at `MAX_SCANNED` lines at most. Lines of removed schedules are gone. */
  fires(request: FireListRequest): Promise<FirePage>;
  /**
   * Schedules that will fire, the earliest first, without paused ones.
   *
   * @param limit 1 to `MAX_UPCOMING`
   */
  upcoming(
    queues: readonly string[],
    request: { businesses?: readonly string[]; owners?: readonly string[]; span: TimeSpan; limit: number },
  ): Promise<UpcomingFire[]>;
  /**
   * How many schedules have their next fire in each of the spans, at most `MAX_SCHEDULE_NAMES`, in order. Paused ones do not count.
   *
   * @param businesses only those of these; null = of any and none
   */
  countUpcoming(
    queues: readonly string[],
    businesses: readonly string[] | null,
    spans: readonly TimeSpan[],
  ): Promise<number[]>;
}
