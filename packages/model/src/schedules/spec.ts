import { SECOND_MS } from '../durations.ts';
import { storedTaskId } from '../ids.ts';

/** What is done about a fire that comes due while the last run is not final. See `ScheduleSettings.overlap`. */
export const OVERLAPS = ['allow', 'skip', 'queue', 'replace'] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** What is done about fires that are older than `graceMs`. See `Misfire.policy`. */
export const MISFIRE_POLICIES = ['fire_once', 'skip', 'catch_up'] as const;

/** How cron texts of schedules are read. `asynq`, Go's rules, is for `Scheduler` alone. */
export const SCHEDULE_DIALECTS = ['unix', 'quartz'] as const;

/** Bounds of a schedule. */
export const MAX_SHARDS = 64;
export const MAX_CATCH_UP = 1_000;
export const MAX_SKIPS = 1_000;
export const MAX_RUNS = 1_000_000_000;
/** Most edits of the times of one schedule that nobody has looked at. What was due before them is forgotten with the oldest. */
export const MAX_FORMER_TIMES = 16;
/** Most fires of one schedule that wait for the run before. */
export const MAX_WAITING_FIRES = 10;
/** Most tasks of one schedule whose end is waited for. A fire has at most as many. */
export const MAX_OPEN_RUNS = 64;

/** What a schedule does about fires that nobody made in time, because no scheduler ran. */
export interface Misfire {
  /**
   * What is done about fires that are older than `graceMs`: `fire_once` makes the newest of them, `skip` none, `catch_up` the
   * newest `limit`, the oldest first. Those left out are one line of the history, with their number.
   */
  readonly policy: (typeof MISFIRE_POLICIES)[number];
  /** A fire that is at most this late is made, whatever the policy. 1 s to 7 d. */
  readonly graceMs: number;
  /** Most fires that `catch_up` makes, 1 to 1,000. */
  readonly limit: number;
}

/** What a schedule fires by, before its calendar, `startsAtMs` and `endsAtMs` take times out. */
export type ScheduleTimes =
  /** Local times of the schedule's zone. */
  | {
      readonly kind: 'cron';
      readonly cron: string;
      readonly dialect: (typeof SCHEDULE_DIALECTS)[number];
    }
  /**
   * Whole seconds apart. `from: start`: counted from the anchor (`anchorOf`). `from: end`: each fire is counted from the end of the
   * run before, the first one from the anchor.
   */
  | { readonly kind: 'every'; readonly everyMs: number; readonly from: 'start' | 'end' }
  /** Once, on a whole second. */
  | { readonly kind: 'at'; readonly atMs: number };

/** What the fires of a schedule depend on, the days of its calendar not counted. */
export interface TimesSettings {
  readonly times: ScheduleTimes;
  /** IANA name of the zone of its local times and of its calendar's days. */
  readonly timezone: string;
  /** ID of the calendar that changes its days; null = none. */
  readonly calendar: string | null;
  /** No fire lies before it; null = no bound. */
  readonly startsAtMs: number | null;
  /** Every fire lies before it; null = no bound. */
  readonly endsAtMs: number | null;
}

/** What its owner says about a schedule, checked and complete. Times are wall-clock ms. */
export interface ScheduleSettings extends TimesSettings {
  /** Unique within its business: `[a-z0-9][a-z0-9_-]{0,63}`. */
  readonly id: string;
  /** For people; null = the ID is shown. */
  readonly name: string | null;
  readonly owner: string | null;
  readonly businessId: string | null;
  /** How many coming fires are left out. What is left of it stands in the ledger: `skipsLeftOf`. */
  readonly skipNext: number;
  /** Each task is delayed by a part of this span, the same for all tasks of a fire, and never beyond the next fire; 0 = none. */
  readonly jitterMs: number;
  /** Fires that are made in all, those that a person asks for not counted; null = no bound. */
  readonly maxRuns: number | null;
  /** Tasks per fire, 1 to 64. */
  readonly shards: number;
  readonly misfire: Misfire;
  /**
   * What happens to a fire while a run is not final, with its retries. `allow`: it is made. `skip`: it is left out. `queue`: it
   * waits, at most 10 do, and one run follows the other. `replace`: it waits in place of the one that waits.
   */
  readonly overlap: Overlap;
}

/** What each fire submits: a task that its submission has checked, without ID and start. */
export interface ScheduledTask {
  /** The stored queue. It never changes, as the schedule lies there. */
  readonly queue: string;
  readonly type: string;
  /** Byte for byte: as text if it is UTF-8, else in base64. Null = none. */
  readonly payload: { readonly text: string } | { readonly base64: string } | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRetries: number;
  /** Longest attempt; 0 = no limit. */
  readonly timeoutMs: number;
  readonly retentionMs: number;
  readonly uniqueMs: number;
  readonly group: string | null;
  /** What is stored with the task beyond these fields, as the engine's `TaskMeta`. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Where a schedule is managed. One from a configuration cannot be edited elsewhere. */
export type ScheduleSource = 'api' | 'config' | 'client';

/** Times that a schedule had before an edit or a pause: those after `fromMs`, up to and with `untilMs`, were its fires. */
export interface FormerTimes extends TimesSettings {
  readonly fromMs: number;
  readonly untilMs: number;
  /** It was paused then. What nobody had made is left out. */
  readonly isLeftOut?: true;
}

/** A schedule as a broker stores it, in JSON. Every change, a pause included, gives it a new revision. */
export interface ScheduleSpec extends ScheduleSettings {
  readonly source: ScheduleSource;
  readonly task: ScheduledTask;
  readonly createdMs: number;
  readonly updatedMs: number;
  /** Its times hold after this moment: that of the last change of its times, or of the last resume. What was due before is in `former`. */
  readonly plannedFromMs: number;
  /** What may still be due of earlier times, the oldest first, at most `MAX_FORMER_TIMES`. Left out = nothing. */
  readonly former?: readonly FormerTimes[];
  /** Since when it is paused; the reason is stored beside it. Left out = it is not. */
  readonly pausedMs?: number;
  /** When `skipNext` was set: the ledger counts what is left since then. */
  readonly skipSetMs: number;
}

/** The interval of `every`, `from: end`; null = the times do not depend on the ends of runs. */
export const fromEndMs = ({ times }: Pick<TimesSettings, 'times'>): number | null =>
  times.kind === 'every' && times.from === 'end' ? times.everyMs : null;

/** Whether one time follows the end of a run, instead of many that are known before. */
export const isFromEnd = (settings: Pick<TimesSettings, 'times'>): boolean => fromEndMs(settings) !== null;

/** Where `every` counts from: `starts_at`, else the creation, on a whole second. It outlives every edit of other fields. */
export function anchorOf({ startsAtMs, createdMs }: Pick<ScheduleSpec, 'startsAtMs' | 'createdMs'>): number {
  return startsAtMs === null
    ? Math.floor(createdMs / SECOND_MS) * SECOND_MS
    : Math.ceil(startsAtMs / SECOND_MS) * SECOND_MS;
}

/** The name under which a schedule is stored. Two businesses may use the same ID. */
export const storedScheduleName = ({ id, businessId }: Pick<ScheduleSpec, 'id' | 'businessId'>): string =>
  storedTaskId(id, businessId);
