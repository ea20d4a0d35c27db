/** Checks of what callers give to the use cases of schedules. */
import {
  MAX_CATCH_UP,
  MAX_RUNS,
  MAX_SHARDS,
  MAX_SKIPS,
  MISFIRE_POLICIES,
  OVERLAPS,
  SCHEDULE_DIALECTS,
  type ScheduleSettings,
  type ScheduleSource,
  type ScheduleTimes,
} from '@task-center/model';
import type { TimeSpan } from '../broker/fires.ts';
import type { ScheduleFilter, ScheduleRef } from '../broker/schedule-records.ts';
import type { NewTask } from '../broker/submit.ts';
import { createFieldsCheck, createOptionsCheck, object, required, textMap } from '../checks/options.ts';
import {
  anyBytes,
  anyText,
  checkOf,
  filledText,
  flag,
  func,
  listOf,
  oneOf,
  orNull,
  wholeNumber,
  type ValueCheck,
} from '../checks/values.ts';
import type { VersionTest } from './versions.ts';

/** A list of names: of queues, businesses, owners. */
export const textList = listOf(anyText, 'a list of texts');
/** A list of some words. */
export const wordList = (words: readonly string[]): ValueCheck =>
  listOf(oneOf(words), `a list of some of ${words.join(', ')}`);
/** A place in time. */
export const wallMs = checkOf('wall-clock ms, a whole number', Number.isSafeInteger);
/** The size of a page. Brokers give at most `MAX_PAGE`. */
export const pageLimit = wholeNumber(1);

const SOURCES: readonly ScheduleSource[] = ['api', 'config', 'client'];
/** The maker of a change. */
export const scheduleSource = oneOf(SOURCES);

/** Rows of a filter of schedules. */
export const FILTER_ROWS = {
  businesses: textList,
  owners: textList,
  source: anyText,
  calendar: anyText,
  paused: flag,
  failing: flag,
  late: flag,
} satisfies Readonly<Record<keyof ScheduleFilter, ValueCheck>>;

const checkRef = createOptionsCheck<ScheduleRef>('the place of a schedule', {
  queue: required(anyText),
  name: required(anyText),
});
/** Where a page of schedules begins. */
export const placeOfSchedule: ValueCheck = (value, name) => void checkRef(value, name);

const checkSpan = createOptionsCheck<TimeSpan>('a span of time', {
  fromMs: required(wallMs),
  toMs: required(wallMs),
});
/** From one time to another. */
export const timeSpan: ValueCheck = (value, name) => void checkSpan(value, name);

type TimesOf<Kind extends ScheduleTimes['kind']> = Extract<ScheduleTimes, { kind: Kind }>;

const TIMES_CHECKS = {
  cron: createOptionsCheck<TimesOf<'cron'>>('times by cron', {
    kind: required(anyText),
    cron: required(anyText),
    dialect: required(oneOf(SCHEDULE_DIALECTS)),
  }),
  every: createOptionsCheck<TimesOf<'every'>>('times of an interval', {
    kind: required(anyText),
    everyMs: required(wholeNumber(1)),
    from: required(oneOf(['start', 'end'])),
  }),
  at: createOptionsCheck<TimesOf<'at'>>('a single time', { kind: required(anyText), atMs: required(wallMs) }),
} as const;
const timesKind = oneOf(Object.keys(TIMES_CHECKS));

const times: ValueCheck = (value, name) => {
  object(value, name);
  const { kind } = value as ScheduleTimes;
  timesKind(kind, `${name}.kind`);
  TIMES_CHECKS[kind](value, name);
};

const checkMisfire = createOptionsCheck<ScheduleSettings['misfire']>('a misfire policy', {
  policy: required(oneOf(MISFIRE_POLICIES)),
  graceMs: required(wholeNumber(0)),
  limit: required(wholeNumber(1, MAX_CATCH_UP)),
});

/**
 * Checks settings, which `readSchedule` makes of what people write. What a wrong value would do to a plan shows much later, and
 * elsewhere.
 */
export const checkScheduleSettings = createOptionsCheck<ScheduleSettings>('settings', {
  id: required(filledText),
  name: required(orNull(anyText)),
  owner: required(orNull(anyText)),
  businessId: required(orNull(filledText)),
  times: required(times),
  timezone: required(filledText),
  calendar: required(orNull(filledText)),
  startsAtMs: required(orNull(wallMs)),
  endsAtMs: required(orNull(wallMs)),
  skipNext: required(wholeNumber(0, MAX_SKIPS)),
  jitterMs: required(wholeNumber(0)),
  maxRuns: required(orNull(wholeNumber(1, MAX_RUNS))),
  shards: required(wholeNumber(1, MAX_SHARDS)),
  misfire: required((value, name) => void checkMisfire(value, name)),
  overlap: required(oneOf(OVERLAPS)),
});

const durationOfTask = wholeNumber(0);
const checkTaskFields = createFieldsCheck<NewTask>('task', {
  queue: required(filledText),
  id: required(anyText),
  type: required(filledText),
  payload: required(orNull(anyBytes)),
  headers: required(textMap),
  maxRetries: required(wholeNumber(0)),
  timeoutMs: required(durationOfTask),
  deadlineMs: required(durationOfTask),
  retentionMs: required(durationOfTask),
  delayMs: required(durationOfTask),
  runAtMs: required(durationOfTask),
  uniqueMs: required(durationOfTask),
  group: required(orNull(anyText)),
  meta: required(object),
});
/** A task that its submission has made. */
const madeTask: ValueCheck = (value, name) => void checkTaskFields(value, name);

/** A schedule to put. Its settings were read and checked, its task was made by its submission. */
export interface ScheduleInput {
  readonly settings: ScheduleSettings;
  /** Its ID and its start do not matter: each fire has its own. */
  readonly task: NewTask;
  readonly source: ScheduleSource;
  /** Default: any version, and none. */
  readonly expects?: VersionTest;
  /** There must be none with this ID. */
  readonly isNew?: boolean;
  /** Whether the caller may know of a schedule in this stored queue. Its ID is taken all the same. Default: of any. */
  mayReplace?(queue: string): boolean;
}

/** @throws TaskCenterError `invalid-value` */
export const checkInput = createOptionsCheck<ScheduleInput>('a schedule to put', {
  settings: required((value, name) => void checkScheduleSettings(value, name)),
  task: required(madeTask),
  source: required(scheduleSource),
  expects: func,
  isNew: flag,
  mayReplace: func,
});
/** Schedules to put. */
export const inputList = listOf((value, name) => void checkInput(value, name), 'a list of schedules to put');
