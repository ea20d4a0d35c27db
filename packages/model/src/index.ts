// What the engine, the HTTP contract, the service and a browser know alike: plain data and pure functions, without Node,
// a schema library or anything of ours. Nothing here throws: a rule returns what is wrong, and its caller says so in its
// own way.

export { ATTEMPT_OUTCOMES, type AttemptError, type AttemptRecord } from './attempts.ts';
export { BUILT_IN_CALENDARS } from './calendars/built-in.ts';
export { calendarDays, type CalendarDays, type CalendarNote } from './calendars/calendar-days.ts';
export {
  isCalendarFault,
  MAX_CALENDAR_DATES,
  readCalendar,
  type Calendar,
  type CalendarFault,
} from './calendars/calendar.ts';
export {
  CONTEXT_FIELDS,
  contextOf,
  headersWith,
  NO_HEADERS,
  traceIdOf,
  type TaskContext,
} from './context.ts';
export { readCron } from './cron/cron.ts';
export {
  isCronFault,
  type Cron,
  type CronFault,
  type CronOptions,
  type DayFilter,
  type Dialect,
  type FireNote,
  type Times,
} from './cron/reading.ts';
export { readTimes, type AtSpec, type CronSpec, type EverySpec } from './cron/times.ts';
export { compareByNext, Timetable, type TimedEntry } from './cron/timetable.ts';
export { zoneOf, type Zone } from './cron/zone.ts';
export { didYouMean } from './did-you-mean.ts';
export {
  clampDuration,
  DAY_MS,
  formatDuration,
  MAX_DURATION_MS,
  parseDuration,
  type Duration,
  type DurationText,
} from './durations.ts';
export { GrowingPauses, type PauseBounds } from './growing-pauses.ts';
export { goDuration, parseGoDuration, wholeTimeoutMs } from './go-durations.ts';
export {
  isBusinessId,
  isResourceId,
  isTaskId,
  plainTaskId,
  RESOURCE_ID_PATTERN,
  storedTaskId,
} from './ids.ts';
export {
  DEFAULT_TIMEOUT_MS,
  MAX_CALENDARS,
  MAX_GROUP_BYTES,
  MAX_HEADERS,
  MAX_HEADERS_BYTES,
  MAX_LABEL_LENGTH,
  MAX_RETRIES,
  MIN_API_RETRY_MS,
  MIN_UNIQUE_MS,
} from './limits.ts';
export {
  BUILT_IN_QUEUES,
  hasForbiddenCharacter,
  hasInvisibleCharacter,
  hasReservedEnding,
  isComposed,
  isDotSegment,
  logicalQueue,
  nameFault,
  queueNameFault,
  storedQueue,
  storedQueues,
  TASK_KINDS,
  type TaskKind,
} from './names.ts';
export { afterFailedSet, setPauseMs, type SetTries } from './failed-set.ts';
export {
  countLoss,
  nextScan,
  NO_SCAN_YET,
  POISON_LIMITS,
  poisonText,
  SCAN_MS,
  SUSPECT_LOSSES,
  type PoisonLimits,
  type ScanMemory,
} from './recovery.ts';
export { BACKOFF_FIELDS, backoffMs, isBackoff, jitterOf, type Backoff } from './retry/backoff.ts';
export { failedFinish } from './retry/failed-finish.ts';
export {
  DEFAULT_RETRY_POLICY,
  PATIENT_RETRY_POLICY,
  type FailureHints,
  type RetryPolicy,
} from './retry/retry-policy.ts';
export { HIDDEN, isSecretName, withoutUrlSecrets } from './secrets.ts';
export {
  FINAL_STATES,
  INACTIVE_STATES,
  TASK_STATES,
  WAITING_STATES,
  type ListedState,
  type TaskState,
} from './states.ts';
export { CONTROL_CHARACTERS, fitsBytes } from './texts.ts';
export { pausedSpec, putSpec, resumedSpec, skipsLeftOf, type StoredSchedule } from './schedules/edits.ts';
export { type PlanTimes } from './schedules/due-times.ts';
export { type Ledger, type OpenRun } from './schedules/ledger.ts';
export { type LeftOut, type Plan, type PlanInput, type PlannedFire } from './schedules/plan.ts';
export { type ScheduleFault } from './schedules/fields.ts';
export {
  movedTask,
  neverFires,
  readSchedule,
  timesOf,
  type ReadOptions,
  type ScheduleRead,
} from './schedules/read-schedule.ts';
export { planFires, withMadeTasks } from './schedules/plan-fires.ts';
export { previewFires, type PreviewedFire, type PreviewInput } from './schedules/preview.ts';
export {
  hasOpenRun,
  needsStates,
  waitsForEnd,
  withEndedRuns,
  withOpenRuns,
  type EndedRuns,
  type FoundEnd,
} from './schedules/runs.ts';
export {
  anchorOf,
  MAX_CATCH_UP,
  MAX_OPEN_RUNS,
  MAX_RUNS,
  MAX_SHARDS,
  MAX_SKIPS,
  MAX_WAITING_FIRES,
  MISFIRE_POLICIES,
  OVERLAPS,
  SCHEDULE_DIALECTS,
  storedScheduleName,
  type Misfire,
  type Overlap,
  type ScheduledTask,
  type ScheduleSettings,
  type ScheduleSource,
  type ScheduleSpec,
  type ScheduleTimes,
  type TimesSettings,
} from './schedules/spec.ts';
