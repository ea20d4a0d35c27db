// How a spec is read, and what comes of it: when it fires, or what is wrong with it.

/** How the fields of a cron text are written. `asynq`: as Go's robfig/cron reads them. See docs/schedules.md#dialects. */
export type Dialect = 'unix' | 'quartz' | 'asynq';

/** How schedules are read. */
export interface CronOptions {
  /** IANA name of the zone for specs without a prefix. Default `UTC`. */
  readonly timeZone?: string;
  /** `asynq`: reads what Go's robfig/cron reads, by its rules. Default: ours, which refuse what does not fire as written. */
  readonly profile?: 'asynq';
}

/** When an entry of a scheduler fires. */
export interface Cron {
  /** Wall-clock ms of the first time after `afterMs`; null if there is none for years. */
  next(afterMs: number): number | null;
  /** Whether its times depend on when it is asked: `next` adds an interval. Otherwise they are always the same. */
  readonly isRelative?: true;
}

/**
 * What is special about a fire. `dst_gap`: the local clock left its time out, so it lies at the end of the gap. `dst_repeat`:
 * the local clock shows its time twice, and this is the first one.
 */
export type FireNote = 'dst_gap' | 'dst_repeat';

/** When something fires. Times are wall-clock ms, and each fire lies on a whole second. The same question always has the same answer. */
export interface Times {
  /** The first fire after `afterMs`; null = it never fires again. */
  next(afterMs: number): number | null;
  /** The last fire after `afterMs`, up to and with `atMs`; null = there is none. It is searched for backwards. */
  previous(atMs: number, afterMs: number): number | null;
  /** The number of fires after `afterMs`, up to and with `toMs`. It is computed by days: a million fires cost no more than one. */
  count(afterMs: number, toMs: number): number;
  /** What is special about the fire at `fireMs`. */
  noteOf(fireMs: number): FireNote | null;
}

/**
 * What a calendar says about a local day, given by its number since 1970. `off`: no fire on that day. `on`: a weekday field
 * that holds Monday to Friday allows it, whichever day of the week it is.
 */
export type DayFilter = (localDay: number) => 'off' | 'on' | null;

/** Why a schedule was refused. */
export interface CronFault {
  /** The part that is wrong, such as `day of month`, `interval` or `time zone`; null = the whole. */
  readonly field: string | null;
  /** That part as it was written. */
  readonly got: string;
  /** What is allowed there, in words; null = any schedule. */
  readonly expected: string | null;
}

export const isCronFault = (read: object): read is CronFault => 'expected' in read;
