import { readSchedule, type Duration, type Overlap, type ScheduleSettings } from '@task-center/model';
import { callCheck, createNamesCheck, isOptions, object } from '../checks/options.ts';
import type { PrepareTask, TaskToEnqueue } from '../client/prepare-task.ts';
import { checkTaskToEnqueue } from '../client/prepare-task.ts';
import type { NewTask } from '../broker/submit.ts';
import { faultError } from '../control/schedule-faults.ts';
import { invalidValue } from '../errors/task-center-error.ts';

/** Options of a task that belong to each fire, and not to the schedule. */
const OF_FIRES = ['id', 'delay', 'runAt', 'deadline', 'durability'] as const;

/** The task of a schedule: as `enqueue` takes it, without what each fire has of its own. */
export type TaskOfSchedule<Input = unknown> = TaskToEnqueue<Input> & {
  readonly [Name in (typeof OF_FIRES)[number]]?: never;
};

/** When a schedule fires: by one of `cron`, `every`, `at`. */
export interface ScheduleTimesOptions {
  /** Five fields, or six with seconds first: `30 8 * * mon-fri`. Names such as `@daily` and `@every 90s` are known. */
  readonly cron?: string;
  /** How `cron` is read: docs/schedules.md#dialects. Default `unix`. */
  readonly dialect?: 'unix' | 'quartz';
  /** Whole seconds, at least one. */
  readonly every?: Duration;
  /**
   * `start`: `every` counts from `startsAt`, or from the creation. `end`: each fire comes that long after the end of the run before.
   * Default `start`.
   */
  readonly from?: 'start' | 'end';
  /** Once, at this time. */
  readonly at?: Date;
  /** IANA name of the zone of its local times and its calendar. Default `UTC`. */
  readonly timezone?: string;
  /** ID of a calendar, with days on which it does not fire: `inspector.calendars`. Default: none. */
  readonly calendar?: string;
  /** No fire lies before it. Default: no bound. */
  readonly startsAt?: Date;
  /** Every fire lies before it. Default: no bound. */
  readonly endsAt?: Date;
}

/** A schedule as it is put. */
export interface ScheduleOptions<Input = unknown> extends ScheduleTimesOptions {
  /** Unique within its business: 1 to 64 of `a-z 0-9 _ -`. */
  readonly id: string;
  /** What each fire enqueues. Its queue never changes. */
  readonly task: TaskOfSchedule<Input>;
  /** For people. Default: none. */
  readonly name?: string;
  /** Whom to ask about it, such as a team. Default: nobody. */
  readonly owner?: string;
  /** The business of the schedule and of its tasks. Default: none. */
  readonly businessId?: string;
  /** Number of coming fires to leave out. Default 0. */
  readonly skipNext?: number;
  /** The tasks of each fire start after a part of this span, never beyond the next fire. Default 0. */
  readonly jitter?: Duration;
  /** Fires that are made in all; those by `run` do not count. Default: no bound. */
  readonly maxRuns?: number;
  /** Tasks per fire, 1 to 64: each is told its index and their number. Default 1. */
  readonly shards?: number;
  /** What happens to fires that no scheduler has made in time. */
  readonly misfire?: {
    /** Those older than `grace`: `fire_once` makes the newest, `skip` none, `catch_up` the newest `limit`. Default `fire_once`. */
    readonly policy?: 'fire_once' | 'skip' | 'catch_up';
    /** Fires that are this late are made in any case, 1 s to 7 d. Default 60 s. */
    readonly grace?: Duration;
    /** 1 to 1,000. Default 10. */
    readonly limit?: number;
  };
  /**
   * What happens to a fire while a run has not ended. `allow`: it is made. `skip`: it is left out. `queue`: it waits, at most 10
   * do. `replace`: it waits in place of the one that waits. Default `allow`.
   */
  readonly overlap?: Overlap;
}

/** The fields of a schedule; `readSchedule` checks their values. */
const checkScheduleNames = createNamesCheck<ScheduleOptions>('a schedule', {
  id: true,
  task: true,
  name: true,
  owner: true,
  businessId: true,
  cron: true,
  dialect: true,
  every: true,
  from: true,
  at: true,
  timezone: true,
  calendar: true,
  startsAt: true,
  endsAt: true,
  skipNext: true,
  jitter: true,
  maxRuns: true,
  shards: true,
  misfire: true,
  overlap: true,
});

/** Settings that were checked. @throws TaskCenterError `invalid-value` */
export function readSettings(schedule: ScheduleOptions, nowMs: number): ScheduleSettings {
  return callCheck('schedule', () => {
    const { misfire = null } = checkScheduleNames(schedule);
    if (misfire !== null) object(misfire, 'misfire');
    const { settings, faults } = readSchedule(checkScheduleNames(schedule), { words: 'library', nowMs });
    if (settings === null) throw faultError(faults);
    return settings;
  });
}

/** The task that each fire enqueues, as its submission makes it. @throws TaskCenterError `invalid-value`, `payload-too-large` */
export async function prepareScheduled(
  given: TaskOfSchedule,
  { businessId }: Pick<ScheduleSettings, 'businessId'>,
  prepare: PrepareTask,
): Promise<NewTask> {
  if (!isOptions(given)) throw invalidValue('task', given, 'the task of each fire, as `enqueue` takes it');
  const all: TaskToEnqueue = given;
  for (const name of OF_FIRES)
    if (all[name] !== undefined)
      throw invalidValue(`task.${name}`, all[name], 'nothing: it is not the same for all fires');
  const { task, payload, context, ...options } = checkTaskToEnqueue(given, 'task');
  const ofBusiness = businessId === null || context === null ? context : { businessId, ...context };
  return prepare(task, payload, { ...options, ...(ofBusiness !== undefined && { context: ofBusiness }) });
}
