/** Schedules as people see them, and how one is found. */
import { skipsLeftOf, storedTaskId, type Ledger, type ScheduleSpec } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { LATE_MS, type ScheduleRecord, type ScheduleRemoval } from '../broker/schedule-records.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { checkBroker, filledText, orNull } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { ledgerIn } from '../firer/plan-write.ts';

/** Names a schedule. */
export interface ScheduleAddress {
  readonly id: string;
  /** Null or left out = it belongs to no business. */
  readonly businessId?: string | null;
}

/** A schedule as it is stored, with what has become of it. Times are wall-clock ms by the broker's clock. */
export interface ScheduleInfo {
  /** The stored name: unique in the broker. */
  readonly storedName: string;
  /** The stored queue. */
  readonly queue: string;
  readonly spec: ScheduleSpec;
  /** Grows with each change, a pause included. */
  readonly version: number;
  /** Why it is paused, for people; '' = nobody said so. Null = it is not paused. */
  readonly pauseReason: string | null;
  /** Null = it is paused, it will not fire, or the end of a run decides. */
  readonly nextFireMs: number | null;
  /** The last time that was decided, made or left out; null = none was. */
  readonly lastFireMs: number | null;
  /** Fires that were made, those that somebody asked for not counted. */
  readonly runs: number;
  /** Coming fires that are still left out. */
  readonly skipsLeft: number;
  /** Tasks of it that have not ended, as far as is known. */
  readonly openRuns: number;
  /** Fires that wait for the end of a run. */
  readonly waitingFires: number;
  /** Whether the newest fire with an ended task has one that was archived or cancelled. */
  readonly isFailing: boolean;
  /** Whether it has waited for its next fire for more than a minute, and is not paused. */
  readonly isLate: boolean;
}

const checkScheduleAddress = createOptionsCheck<ScheduleAddress>('a schedule', {
  id: required(filledText),
  businessId: orNull(filledText),
});

/** The schedules of a broker. @throws TaskCenterError `invalid-value`: it is no broker */
export function schedulesOf(broker: Pick<Broker, 'schedules'>): ScheduleStore {
  checkBroker(broker, 'schedules');
  return broker.schedules;
}

/** The stored name of a schedule. @throws TaskCenterError `invalid-value` */
export function storedNameOf(address: ScheduleAddress): string {
  const { id, businessId } = checkScheduleAddress(address, 'schedule');
  return storedTaskId(id, businessId ?? null);
}

export const scheduleNotFound = ({ id }: ScheduleAddress): TaskCenterError =>
  new TaskCenterError('schedule-not-found', { id });

/** @throws TaskCenterError `schedule-not-found` */
export function requireSchedule<Item>(address: ScheduleAddress, found: Item | null): asserts found is Item {
  if (found === null) throw scheduleNotFound(address);
}

/** A schedule as it is stored, and what was made of it. */
export interface FoundSchedule {
  readonly record: ScheduleRecord;
  readonly spec: ScheduleSpec;
  /** Null = nothing was planned yet. */
  readonly ledger: Ledger | null;
  /** The broker's clock when it was read. */
  readonly nowMs: number;
}

const foundSchedule = (record: ScheduleRecord, nowMs: number): FoundSchedule => ({
  record,
  spec: JSON.parse(record.spec) as ScheduleSpec,
  ledger: ledgerIn(record.ledger),
  nowMs,
});

/** What every specification and every ledger has, as far as it is used before a schedule is planned. */
function isWhole({ spec, ledger }: Pick<FoundSchedule, 'spec' | 'ledger'>): boolean {
  const { id, times, timezone, source, task } = Object(spec) as Partial<Record<keyof ScheduleSpec, unknown>>;
  const isSpec = [id, timezone, source, Object(times).kind, Object(task).queue].every(
    (value) => typeof value === 'string',
  );
  return isSpec && (ledger === null || (Array.isArray(ledger.open) && Array.isArray(ledger.waiting)));
}

/** Parses what is stored of a schedule; null = another program has damaged it. */
export function readableSchedule(record: ScheduleRecord, nowMs: number): FoundSchedule | null {
  try {
    const found = foundSchedule(record, nowMs);
    return isWhole(found) ? found : null;
  } catch {
    return null;
  }
}

/** @throws TaskCenterError `schedule-unreadable` */
export function requireReadable(id: string, record: ScheduleRecord, nowMs: number): FoundSchedule {
  const found = readableSchedule(record, nowMs);
  if (found === null) {
    const { queue, revision } = record;
    throw new TaskCenterError('schedule-unreadable', { id, queue, revision });
  }
  return found;
}

/** Removes one that cannot be read, but not what another caller has put in its place. Without a revision nobody can tell these apart. */
export const damagedRemoval = ({
  queue,
  name,
  revision,
}: Pick<ScheduleRecord, 'queue' | 'name' | 'revision'>): ScheduleRemoval => ({
  queue,
  name,
  ...(revision > 0 && { expectedRevision: revision }),
});

/** Finds a schedule. @throws TaskCenterError `invalid-value`, `schedule-not-found`, `schedule-unreadable` */
export async function findSchedule(broker: Broker, address: ScheduleAddress): Promise<FoundSchedule> {
  const name = storedNameOf(address);
  const { schedules, nowMs } = await schedulesOf(broker).get([name]);
  const [record = null] = schedules;
  requireSchedule(address, record);
  return requireReadable(address.id, record, nowMs);
}

export function scheduleInfo({ record, spec, ledger, nowMs }: FoundSchedule): ScheduleInfo {
  const { name, queue, revision, pauseReason, nextFireMs, lastFireMs, runs, failing } = record;
  return {
    storedName: name,
    queue,
    spec,
    version: revision,
    pauseReason,
    nextFireMs: pauseReason === null ? nextFireMs : null,
    lastFireMs,
    runs,
    skipsLeft: skipsLeftOf({ spec, ledger }),
    openRuns: record.open.length,
    waitingFires: ledger?.waiting.length ?? 0,
    isFailing: failing,
    isLate: pauseReason === null && nextFireMs !== null && nowMs - nextFireMs > LATE_MS,
  };
}

/** Orders names as brokers do. */
export const inTextOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
