// Reads what somebody wrote about a schedule, in the words of docs/design/http-api.md or in those of the library.
import { isCronFault, type CronFault, type DayFilter, type Times } from '../cron/reading.ts';
import { readTimes } from '../cron/times.ts';
import { zoneOf } from '../cron/zone.ts';
import { DAY_MS, MAX_DURATION_MS, SECOND_MS } from '../durations.ts';
import { isBusinessId } from '../ids.ts';
import { logicalQueue } from '../names.ts';
import { boundedTimes } from './due-times.ts';
import { Fields, type ScheduleFault } from './fields.ts';
import {
  anchorOf,
  MAX_CATCH_UP,
  MAX_RUNS,
  MAX_SHARDS,
  MAX_SKIPS,
  MISFIRE_POLICIES,
  OVERLAPS,
  SCHEDULE_DIALECTS,
  isFromEnd,
  type Misfire,
  type ScheduledTask,
  type ScheduleSettings,
  type ScheduleSpec,
  type ScheduleTimes,
} from './spec.ts';

const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const ID_TEXT = '1 to 64 of a-z 0-9 _ -, the first one a letter or a digit';
const DEFAULT_GRACE_MS = 60 * SECOND_MS;
const MAX_GRACE_MS = 7 * DAY_MS;
const DEFAULT_CATCH_UP = 10;

const NAMES = (
  'id name owner business_id task cron dialect every from at timezone calendar ' +
  'starts_at ends_at skip_next jitter max_runs shards misfire overlap'
).split(' ');
const LATER = ['then', 'backfill'];
/** Each fire has an ID and a start of its own. */
const NOT_IN_TASK = ['id', 'delay', 'run_at'];

/** How a schedule was written. */
export interface ReadOptions {
  /** `library`: `startsAt`. Default `api`: `starts_at`. Durations are texts or ms, times `Date`s or ms, in both. */
  readonly words?: 'api' | 'library';
  readonly nowMs: number;
}

/** What was read: settings, or everything that is wrong. */
export type ScheduleRead =
  | { readonly settings: ScheduleSettings; readonly faults: readonly [] }
  | { readonly settings: null; readonly faults: readonly ScheduleFault[] };

/** A schedule's task is its submission's to check, but for what a schedule decides itself. */
function checkTask(fields: Fields): void {
  if (fields.given('task') === undefined) return fields.fault('task', 'the task that each fire submits');
  const task = fields.inner('task');
  for (const name of NOT_IN_TASK)
    if (task.given(name) !== undefined) task.fault(name, 'nothing: each fire has its own');
}

/** `cron`, `every` or `at`, with the field that belongs to it. */
function readPlan(fields: Fields, nowMs: number): ScheduleTimes | null {
  const given = ['cron', 'every', 'at'].filter((name) => fields.given(name) !== undefined);
  const [kind = 'cron'] = given;
  for (const other of given.slice(1))
    fields.fault(other, `left out beside ${kind}: a schedule has one of cron, every, at`);
  if (fields.given('dialect') !== undefined && kind !== 'cron')
    fields.fault('dialect', 'nothing without cron');
  if (fields.given('from') !== undefined && kind !== 'every') fields.fault('from', 'nothing without every');
  if (given.length === 0) fields.fault('cron', 'one of cron, every, at');
  if (kind === 'at') {
    const atMs = fields.wholeSecond('at', nowMs);
    return atMs === null ? null : { kind, atMs };
  }
  if (kind === 'cron') {
    const cron = fields.matching(
      'cron',
      (text) => text.trim() !== '',
      'a cron text such as "30 8 * * mon-fri"',
    );
    const dialect = fields.choice('dialect', SCHEDULE_DIALECTS);
    return cron === null ? null : { kind, cron, dialect };
  }
  const everyMs = fields.duration('every', { min: SECOND_MS, max: MAX_DURATION_MS, fallback: null });
  const from = fields.choice('from', ['start', 'end']);
  return everyMs === null ? null : { kind: 'every', everyMs, from };
}

function readMisfire(fields: Fields): Misfire {
  const misfire = fields.inner('misfire');
  misfire.checkNames(['policy', 'grace', 'limit']);
  return {
    policy: misfire.choice('policy', MISFIRE_POLICIES),
    graceMs: misfire.duration('grace', { min: SECOND_MS, max: MAX_GRACE_MS, fallback: DEFAULT_GRACE_MS }),
    limit: misfire.whole('limit', { min: 1, max: MAX_CATCH_UP, fallback: DEFAULT_CATCH_UP }),
  };
}

/** The calendar of a schedule. Fires that count from ends, and single ones, follow no days. */
function readCalendarName(fields: Fields, times: ScheduleTimes | null): string | null {
  const calendar = fields.matching('calendar', (text) => ID.test(text), `the ID of a calendar: ${ID_TEXT}`);
  const followsDays = times === null || (times.kind !== 'at' && !isFromEnd({ times }));
  if (calendar !== null && !followsDays) fields.fault('calendar', 'nothing with `at` or `from: end`');
  return calendar;
}

/** What a cron text, an interval or a zone has wrong, as a fault of its field. */
function faultOfTimes(
  fields: Fields,
  { times }: Pick<ScheduleSettings, 'times'>,
  { field, expected }: CronFault,
): void {
  const name = field === 'time zone' ? 'timezone' : times.kind;
  const part =
    field === null || field === 'time zone' || times.kind === 'every'
      ? ''
      : `a cron text whose field "${field}" has `;
  fields.fault(name, part + (expected ?? 'times that come'));
}

/**
 * Reads a schedule, and completes it with defaults: zone UTC, overlap `allow`, misfires `fire_once` with a grace of 60 s and a
 * limit of 10, one shard.
 */
export function readSchedule(value: unknown, { words = 'api', nowMs }: ReadOptions): ScheduleRead {
  const faults: ScheduleFault[] = [];
  const fields = new Fields(value, words, { path: [], faults });
  if (faults.length > 0) return { settings: null, faults };
  fields.checkNames(NAMES, LATER);
  checkTask(fields);
  const id = fields.matching('id', (text) => ID.test(text), ID_TEXT);
  if (fields.given('id') === undefined) fields.fault('id', ID_TEXT);
  const times = readPlan(fields, nowMs);
  const settings = {
    id: id ?? '',
    name: fields.text('name'),
    owner: fields.text('owner'),
    businessId: fields.matching('business_id', isBusinessId, 'the ID of a business: 1 to 255 bytes'),
    times: times ?? { kind: 'at', atMs: nowMs },
    timezone: fields.matching('timezone', (name) => zoneOf(name) !== null, ZONE_TEXT) ?? 'UTC',
    calendar: readCalendarName(fields, times),
    startsAtMs: fields.time('starts_at', nowMs),
    endsAtMs: fields.time('ends_at', nowMs),
    skipNext: fields.whole('skip_next', { min: 0, max: MAX_SKIPS, fallback: 0 }),
    jitterMs: fields.duration('jitter', { min: 0, max: DAY_MS, fallback: 0 }),
    maxRuns: fields.whole('max_runs', { min: 1, max: MAX_RUNS, fallback: null }),
    shards: fields.whole('shards', { min: 1, max: MAX_SHARDS, fallback: 1 }),
    misfire: readMisfire(fields),
    overlap: fields.choice('overlap', OVERLAPS, 'cancel_running'),
  } satisfies ScheduleSettings;
  if ((settings.startsAtMs ?? -Infinity) >= (settings.endsAtMs ?? Infinity))
    fields.fault('ends_at', 'a time after starts_at');
  const read = times === null ? null : timesOf({ ...settings, createdMs: nowMs });
  if (read !== null && isCronFault(read)) faultOfTimes(fields, settings, read);
  return faults.length > 0 ? { settings: null, faults } : { settings, faults: [] };
}

const ZONE_TEXT = 'the IANA name of a time zone, such as "Asia/Shanghai"';

/** The times of a schedule, not yet bounded by its start and its end. @returns what is wrong if they cannot be read */
export function timesOf(
  spec: Pick<ScheduleSpec, 'times' | 'timezone' | 'startsAtMs' | 'createdMs'>,
  dayFilter?: DayFilter,
): Times | CronFault {
  const { times, timezone } = spec;
  if (times.kind === 'at') return readTimes(times);
  if (times.kind === 'cron') return readTimes({ ...times, timezone, dayFilter });
  const { everyMs } = times;
  // A creation gives the phase alone: it lies ahead, if the clock was ahead then. `plannedFromMs` is what leaves out times before it.
  const anchorMs = spec.startsAtMs === null ? anchorOf(spec) % everyMs : anchorOf(spec);
  return readTimes({ everyMs, anchorMs, timezone, dayFilter });
}

/** Why a schedule that was put with new times can never fire; null if it can. @param times `timesOf` it */
export function neverFires(spec: ScheduleSpec, times: Times): ScheduleFault | null {
  const isPlannedAnew = spec.plannedFromMs === spec.updatedMs;
  if (!isPlannedAnew || boundedTimes(times, spec).next(spec.plannedFromMs) !== null) return null;
  const bounds = spec.startsAtMs === null && spec.endsAtMs === null ? '' : ', within starts_at and ends_at';
  const expected = `a time that lies ahead${bounds}`;
  const got = spec.times.kind === 'at' ? new Date(spec.times.atMs).toISOString() : null;
  return { path: [spec.times.kind], got, expected };
}

/** Why a stored schedule cannot have this task in place of its own; null if it can. */
export function movedTask(before: ScheduledTask, after: ScheduledTask): ScheduleFault | null {
  if (before.queue === after.queue) return null;
  const [from, to] = [logicalQueue(before.queue), logicalQueue(after.queue)];
  const why = 'queue and kind of a schedule never change. For others, make another schedule';
  if (from.name !== to.name)
    return { path: ['task', 'queue'], got: to.name, expected: `${from.name}: ${why}` };
  return { path: ['task'], got: `a ${to.kind} task`, expected: `a ${from.kind} task: ${why}` };
}
