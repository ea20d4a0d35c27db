import {
  fitsBytes,
  isCronFault,
  isTaskId,
  MAX_GROUP_BYTES,
  MAX_RETRIES,
  nameFault,
  queueNameFault,
  readCron,
  type Cron,
  type CronOptions,
} from '@task-center/model';
import type { DurationBounds } from '../checks/duration.ts';
import { invalidValue, shown, TaskCenterError } from '../errors/task-center-error.ts';

// The model says what is wrong with a value; here it becomes an error.

/** Valid names are cached: checking a name takes as long as storing its task in a batch, and few names are in use. */
const validQueues = new Set<string>();
const validTypes = new Set<string>();
const MAX_CACHED = 1_000;

function cache(name: string, validNames: Set<string>): string {
  if (validNames.size >= MAX_CACHED) validNames.clear();
  validNames.add(name);
  return name;
}

/**
 * Returns the name of a queue if users may use it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedQueueName(name: string): string {
  if (validQueues.has(name)) return name;
  const fault = typeof name === 'string' ? queueNameFault(name) : 'no text';
  if (fault === null) return cache(name, validQueues);
  throw new TaskCenterError('invalid-value', {
    name: 'queue',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces, control characters or a reserved "~" ending',
  });
}

/**
 * Checks the name of something other than a queue.
 *
 * @param field what errors call it
 * @throws TaskCenterError `invalid-value`
 */
export function checkName(name: unknown, field: string): asserts name is string {
  const fault = typeof name === 'string' ? nameFault(name) : 'no text';
  if (fault === null) return;
  throw new TaskCenterError('invalid-value', {
    name: field,
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces or control characters',
  });
}

/**
 * Returns the name of a type if it may be used.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTypeName(name: string): string {
  if (validTypes.has(name)) return name;
  checkName(name, 'type');
  return cache(name, validTypes);
}

/**
 * Returns the ID if a client may choose it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTaskId(id: string): string {
  if (typeof id === 'string' && isTaskId(id)) return id;
  throw invalidValue('id', id, '1 to 255 bytes, not blank, without dots or control characters');
}

/** @throws TaskCenterError `invalid-value` */
export function checkedRetries(maxRetries: number): number {
  // As in Asynq, a negative number means no retries.
  if (Number.isInteger(maxRetries) && maxRetries <= MAX_RETRIES) return Math.max(0, maxRetries);
  throw invalidValue('maxRetries', maxRetries, `a whole number up to ${MAX_RETRIES}`);
}

/** @throws TaskCenterError `invalid-value` */
export function checkedGroup(group: string): string {
  const isText =
    typeof group === 'string' && group.trim() !== '' && group.isWellFormed() && !group.includes('\0');
  if (isText && fitsBytes(group, MAX_GROUP_BYTES)) return group;
  throw invalidValue(
    'group',
    group,
    `a text of 1 to ${MAX_GROUP_BYTES} bytes that is not blank and has no NUL`,
  );
}

/** Unique locks are kept in whole seconds. */
export const UNIQUE_BOUNDS: DurationBounds = { min: '1s' };

const EXPECTED_SCHEDULE =
  'five fields such as `*/5 8-17 * * mon-fri`, a name such as `@daily`, or `@every 90s`; `TZ=<zone> ` in front sets the time zone';

/**
 * Reads a schedule with `readCron`.
 *
 * @throws TaskCenterError `invalid-value`; it names the field that is wrong
 */
export function checkedCron(spec: string, options: CronOptions = {}): Cron {
  const read = readCron(spec, options);
  if (!isCronFault(read)) return read;
  const { field, got, expected } = read;
  const name = field === null ? 'The schedule' : `The ${field} of the schedule ${shown(spec)}`;
  throw invalidValue(name, got, expected ?? EXPECTED_SCHEDULE);
}
