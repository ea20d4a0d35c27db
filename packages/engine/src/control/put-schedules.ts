/** Makes schedules, and changes them. */
import { isDeepStrictEqual } from 'node:util';
import {
  movedTask,
  neverFires,
  putSpec,
  storedScheduleName,
  type ScheduleSource,
  type ScheduleSpec,
} from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import {
  MAX_SCHEDULE_NAMES,
  type PutOutcome,
  type SchedulePut,
  type ScheduleRecord,
} from '../broker/schedule-records.ts';
import { findCalendar } from '../calendars/calendars.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { knownCalendar, type KnownCalendar } from '../firer/calendar-cache.ts';
import { firstLook } from '../firer/plan-write.ts';
import { readTimesOf } from '../firer/spec-cache.ts';
import { comparedContent, storedTask, withoutMaker } from './compared-schedule.ts';
import { nextFireOf } from './next-fire.ts';
import { checkInput, inputList, type ScheduleInput } from './schedule-arguments.ts';
import { checkTaskOf, faultError, KNOWN_CALENDAR, scheduleFault } from './schedule-faults.ts';
import {
  damagedRemoval,
  readableSchedule,
  requireReadable,
  scheduleInfo,
  schedulesOf,
  type FoundSchedule,
  type ScheduleInfo,
} from './schedule-info.ts';
import { anyVersion, mismatch, overtaken, type VersionChange } from './versions.ts';

/** What came of putting one of several schedules. */
export type SchedulePutResult = VersionChange<ScheduleInfo> | { readonly error: TaskCenterError };

/** Each further try means that another caller was faster, and has succeeded. */
const MAX_PUT_TRIES = 32;

/** Refuses to change what belongs elsewhere. A configuration takes over what somebody has put. */
export function requireOwner(id: string, { source }: ScheduleSpec, by: ScheduleSource): void {
  if (source !== 'config' || by === 'config') return;
  throw new TaskCenterError('managed-elsewhere', {
    what: `schedule "${id}"`,
    where: 'the configuration',
    instead: 'Change it there, under `schedules`.',
  });
}

/** The next fire of a schedule that is put, for lists, until it is planned. @throws TaskCenterError `invalid-value` */
function firstFireMs(
  spec: ScheduleSpec,
  before: FoundSchedule | null,
  { calendar, nowMs }: { readonly calendar: KnownCalendar | null; readonly nowMs: number },
): number | null {
  const never = neverFires(spec, readTimesOf(spec, calendar));
  if (never !== null) throw faultError([never]);
  return nextFireOf({ spec, ledger: before?.ledger ?? null }, calendar?.days ?? null, nowMs);
}

/** What is written for what was put; null = it is so already. */
interface PreparedPut {
  readonly put: SchedulePut | null;
  readonly before: FoundSchedule | null;
  /** What cannot be read, and must be removed before. */
  readonly damaged?: ScheduleRecord;
}

/** @throws TaskCenterError as `putSchedule` */
function prepare(
  input: ScheduleInput,
  before: FoundSchedule | null,
  { calendar, nowMs }: { readonly calendar: KnownCalendar | null; readonly nowMs: number },
): PreparedPut {
  const { settings, source, expects = anyVersion, isNew = false } = input;
  const { id } = settings;
  checkTaskOf(input);
  const task = storedTask(input.task);
  if (before !== null) {
    if (isNew) throw new TaskCenterError('schedule-exists', { id });
    requireOwner(id, before.spec, source);
    const moved = movedTask(before.spec.task, task);
    if (moved !== null) throw faultError([moved]);
  }
  const version = before?.record.revision ?? null;
  // As `changeVersion`: what is so already is not written again, whichever version the caller expects.
  if (
    before !== null &&
    isDeepStrictEqual(comparedContent(before), { ...settings, source, task: withoutMaker(task) }) &&
    (expects(version) || !expects(null))
  )
    return { put: null, before };
  if (!expects(version)) throw mismatch({ kind: 'schedule', id }, version, expects);
  const spec = putSpec(before, { settings, task, source }, nowMs);
  const nextFireMs = firstFireMs(spec, before, { calendar, nowMs });
  const put: SchedulePut = {
    queue: task.queue,
    name: storedScheduleName(settings),
    expectedRevision: version ?? 0,
    spec: JSON.stringify(spec),
    business: settings.businessId,
    owner: settings.owner,
    source,
    calendar: settings.calendar,
    pauseReason: before?.record.pauseReason ?? null,
    nextFireMs,
    ...(before === null && firstLook(spec, nextFireMs)),
  };
  return { put, before };
}

/** The calendars that schedules name, by ID; null = there is none. */
async function calendarsOf(broker: Broker, inputs: readonly ScheduleInput[]) {
  const ids = new Set(inputs.flatMap(({ settings }) => settings.calendar ?? []));
  const found = await Promise.all([...ids].map(async (id) => [id, await findCalendar(broker, id)] as const));
  return new Map(found.map(([id, info]) => [id, info && knownCalendar(info)]));
}

function requireCalendar(id: string | null, known: ReadonlyMap<string, KnownCalendar | null>) {
  const calendar = id === null ? null : (known.get(id) ?? null);
  if (id !== null && calendar === null) throw scheduleFault(['calendar'], id, KNOWN_CALENDAR);
  return calendar;
}

/** The schedule as it is now: what was written, or found. */
function putResult(
  { put, before }: PreparedPut,
  revision: number,
  nowMs: number,
): VersionChange<ScheduleInfo> {
  if (put === null) return { item: scheduleInfo(before!), isNew: false };
  const plan = before?.record ?? EMPTY_PLAN;
  const record = {
    ...plan,
    ...put,
    revision,
    specStamp: 0,
    stamp: 0,
    createdMs: before?.record.createdMs ?? nowMs,
    changedMs: nowMs,
    failing: before?.record.failing ?? false,
  };
  return { item: scheduleInfo(requireReadable(put.name, record, nowMs)), isNew: before === null };
}

const EMPTY_PLAN = {
  ledger: 'null',
  lastFireMs: null,
  nextFireMs: null,
  nextLookMs: null,
  runs: 0,
  open: [],
  awaitsEnd: false,
};

/** One schedule of a call, and what has come of it so far. */
interface PutInProgress {
  readonly input: ScheduleInput;
  result: SchedulePutResult | null;
}

const errorOf = (error: unknown): TaskCenterError => {
  if (error instanceof TaskCenterError) return error;
  throw error;
};

/** Refuses to tell anything of a schedule that the caller may not know of. @throws TaskCenterError `schedule-exists` */
function requireKnown({ settings: { id }, mayReplace }: ScheduleInput, record: ScheduleRecord | null): void {
  if (record !== null && mayReplace?.(record.queue) === false)
    throw new TaskCenterError('schedule-exists', { id });
}

/** Reads what there is, and decides what to write. What is refused gets its result. */
async function preparePuts(broker: Broker, items: readonly PutInProgress[]) {
  const calendars = await calendarsOf(
    broker,
    items.map(({ input }) => input),
  );
  const names = items.map(({ input }) => storedScheduleName(input.settings));
  const { schedules, nowMs } = await broker.schedules.get(names);
  const prepared = items.map((item, i): PreparedPut | null => {
    const record = schedules[i] ?? null;
    try {
      requireKnown(item.input, record);
      const calendar = requireCalendar(item.input.settings.calendar, calendars);
      const before = record && readableSchedule(record, nowMs);
      const made = prepare(item.input, before, { calendar, nowMs });
      return record !== null && before === null ? { ...made, damaged: record } : made;
    } catch (error) {
      item.result = { error: errorOf(error) };
      return null;
    }
  });
  return { prepared, nowMs };
}

/** Tries to put those that have no result yet. Others may come between reading and writing: those stay without one. */
async function putOnce(broker: Broker, items: readonly PutInProgress[]): Promise<void> {
  const { prepared, nowMs } = await preparePuts(broker, items);
  const puts = prepared.flatMap((each) => each?.put ?? []);
  const damaged = prepared.flatMap((each) => each?.damaged ?? []);
  // Where another caller was faster, the put finds what that has made, and the next try reads it.
  if (damaged.length > 0) await broker.schedules.remove(damaged.map(damagedRemoval));
  const outcomes: PutOutcome[] = puts.length === 0 ? [] : await broker.schedules.put(puts);
  let next = 0;
  prepared.forEach((each, i) => {
    if (each === null) return;
    if (each.put === null) return void (items[i]!.result = putResult(each, 0, nowMs));
    const outcome = outcomes[next++];
    if (outcome?.code === 'stored') items[i]!.result = putResult(each, outcome.revision, nowMs);
  });
}

const overtakenBy = ({ settings: { id } }: ScheduleInput) => overtaken({ kind: 'schedule', id });

/** Puts schedules that were checked. */
async function putChecked(broker: Broker, inputs: readonly ScheduleInput[]): Promise<SchedulePutResult[]> {
  const items = inputs.map((input): PutInProgress => ({ input, result: null }));
  for (let from = 0; from < items.length; from += MAX_SCHEDULE_NAMES) {
    const part = items.slice(from, from + MAX_SCHEDULE_NAMES);
    for (let tries = 0; tries < MAX_PUT_TRIES; tries += 1) {
      const open = part.filter(({ result }) => result === null);
      if (open.length === 0) break;
      await putOnce(broker, open);
    }
  }
  return items.map(({ input, result }) => result ?? { error: overtakenBy(input) });
}

/**
 * Puts many schedules in few calls: each as `putSchedule` does, with a result of its own, in order. One that is refused does not
 * affect the others. A name may be given once.
 *
 * @throws TaskCenterError `invalid-value`: what was given is no list of checked schedules
 */
export async function putSchedules(
  broker: Broker,
  inputs: readonly ScheduleInput[],
): Promise<SchedulePutResult[]> {
  schedulesOf(broker);
  inputList(inputs, 'inputs');
  return putChecked(broker, inputs);
}

/** What came of putting one. */
function changeIn(result: SchedulePutResult | null | undefined, input: ScheduleInput) {
  if (result && 'item' in result) return result;
  throw result?.error ?? overtakenBy(input);
}

/**
 * Stores a schedule in place of the one with its ID and business, if there is one, readable or not. What is so already is not written
 * again, and keeps its version. Its queue and its kind never change.
 *
 * @throws TaskCenterError `invalid-value`: also if it can never fire, or would be moved to another queue; `payload-too-large`,
 *   `managed-elsewhere`, `version-mismatch`, `schedule-exists`
 */
export async function putSchedule(
  broker: Broker,
  input: ScheduleInput,
): Promise<VersionChange<ScheduleInfo>> {
  schedulesOf(broker);
  checkInput(input, 'input');
  const [result] = await putChecked(broker, [input]);
  return changeIn(result, input);
}

/**
 * What `putSchedule` would do now, without doing it: what is refused is refused in the same way. The version is the one that the
 * schedule has now; 0 = it would be new.
 *
 * @throws TaskCenterError as `putSchedule`
 */
export async function checkSchedule(
  broker: Broker,
  input: ScheduleInput,
): Promise<VersionChange<ScheduleInfo>> {
  schedulesOf(broker);
  checkInput(input, 'input');
  const item: PutInProgress = { input, result: null };
  const { prepared, nowMs } = await preparePuts(broker, [item]);
  const [each = null] = prepared;
  if (each === null) return changeIn(item.result, input);
  return putResult(each, each.before?.record.revision ?? 0, nowMs);
}
