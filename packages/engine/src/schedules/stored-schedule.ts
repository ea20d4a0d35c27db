// Schedules and their fires as the library shows them.
import type { Overlap, ScheduleSource } from '@task-center/model';
import type { EndState, FireOutcome, FireRecord } from '../broker/fires.ts';
import type { ScheduleInfo, UpcomingInfo } from '../control/index.ts';

/** A schedule that is stored. Lengths of time are ms. */
export interface Schedule {
  readonly id: string;
  readonly name: string | null;
  readonly owner: string | null;
  readonly businessId: string | null;
  /** Where it was put: `client`, `api`, or `config`, which only the configuration changes. */
  readonly source: ScheduleSource;
  /** The stored queue of its tasks. */
  readonly queue: string;
  /** The type of its tasks. */
  readonly type: string;
  readonly times:
    | { readonly kind: 'cron'; readonly cron: string; readonly dialect: 'unix' | 'quartz' }
    | { readonly kind: 'every'; readonly everyMs: number; readonly from: 'start' | 'end' }
    | { readonly kind: 'at'; readonly at: Date };
  readonly timezone: string;
  readonly calendar: string | null;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  /** Coming fires that are still left out. */
  readonly skipNext: number;
  readonly jitterMs: number;
  readonly maxRuns: number | null;
  readonly shards: number;
  readonly misfire: { readonly policy: string; readonly graceMs: number; readonly limit: number };
  readonly overlap: Overlap;
  readonly isPaused: boolean;
  /** '' = nobody said why; null = it is not paused. */
  readonly pauseReason: string | null;
  /** Null = it is paused, it will not fire, or the end of a run decides. */
  readonly nextFireAt: Date | null;
  /** The last time that was decided, made or left out. */
  readonly lastFireAt: Date | null;
  /** Fires that were made, those by `run` not counted. */
  readonly runs: number;
  /** Whether the newest fire with an ended task has one that was archived or cancelled. */
  readonly isFailing: boolean;
  /** Whether it has waited for its next fire for more than a minute, and is not paused. */
  readonly isLate: boolean;
  /** Grows with each change, a pause included. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A line of the history: a fire, or several that were left out together. */
export interface ScheduleFire {
  readonly outcome: FireOutcome;
  /** Its logical time; of several the first one. */
  readonly at: Date;
  /** The last logical time of several. */
  readonly until: Date;
  /** How many they are. */
  readonly count: number;
  /** When that was decided. */
  readonly decidedAt: Date;
  /** Stored ID of its first task; null = it has none. */
  readonly taskId: string | null;
  /** Number of its tasks, and of those that have ended. */
  readonly tasks: number;
  readonly ended: number;
  /** The worst end of them; null = none has ended. */
  readonly end: EndState | null;
  readonly endedAt: Date | null;
}

/** A fire that is still to come. */
export interface UpcomingScheduleFire {
  readonly at: Date;
  /** What the clock of its zone shows then: `2026-11-25T08:30:00`. */
  readonly local: string;
  /** `dst_gap`, `dst_repeat`, `calendar_on`, `calendar_unknown`; null = nothing is special. */
  readonly note: UpcomingInfo['note'];
  /** Number of other schedules whose next fire lies in the same minute. */
  readonly clashes: number;
}

const dateOrNull = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

export function toSchedule({ spec, queue, version, pauseReason, ...info }: ScheduleInfo): Schedule {
  const { times, task, startsAtMs, endsAtMs, createdMs, updatedMs, ...same } = spec;
  return {
    id: same.id,
    name: same.name,
    owner: same.owner,
    businessId: same.businessId,
    source: same.source,
    queue,
    type: task.type,
    times: times.kind === 'at' ? { kind: 'at', at: new Date(times.atMs) } : times,
    timezone: same.timezone,
    calendar: same.calendar,
    startsAt: dateOrNull(startsAtMs),
    endsAt: dateOrNull(endsAtMs),
    skipNext: info.skipsLeft,
    jitterMs: same.jitterMs,
    maxRuns: same.maxRuns,
    shards: same.shards,
    misfire: same.misfire,
    overlap: same.overlap,
    isPaused: pauseReason !== null,
    pauseReason,
    nextFireAt: dateOrNull(info.nextFireMs),
    lastFireAt: dateOrNull(info.lastFireMs),
    runs: info.runs,
    isFailing: info.isFailing,
    isLate: info.isLate,
    version,
    createdAt: new Date(createdMs),
    updatedAt: new Date(updatedMs),
  };
}

export const toFire = ({
  outcome,
  fireMs,
  toMs,
  count,
  atMs,
  endedMs,
  ...fire
}: FireRecord): ScheduleFire => ({
  outcome,
  at: new Date(fireMs),
  until: new Date(toMs),
  count,
  decidedAt: new Date(atMs),
  taskId: fire.taskId,
  tasks: fire.tasks,
  ended: fire.ended,
  end: fire.end,
  endedAt: dateOrNull(endedMs),
});

export const toUpcoming = ({ fireMs, localMs, note, clashes }: UpcomingInfo): UpcomingScheduleFire => ({
  at: new Date(fireMs),
  local: new Date(localMs).toISOString().slice(0, 19),
  note,
  clashes,
});
