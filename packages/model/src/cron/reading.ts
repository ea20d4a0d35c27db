// How a spec is read, and what comes of it: when it fires, or what is wrong with it.

/** How schedules are read. */
export interface CronOptions {
  /** IANA name of the zone for specs without a prefix. Default `UTC`. */
  readonly timeZone?: string;
  /** `asynq`: reads what Go's robfig/cron reads, by its rules. Default: ours, which refuse what does not fire as written. */
  readonly profile?: 'asynq';
}

/** When a schedule fires. */
export interface Cron {
  /** Wall-clock ms of the first time after `afterMs`; null if there is none for years. */
  next(afterMs: number): number | null;
  /** Whether its times depend on when it is asked: `next` adds an interval. Otherwise they are always the same. */
  readonly isRelative?: true;
}

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
