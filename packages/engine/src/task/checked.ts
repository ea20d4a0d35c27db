import {
  isCronFault,
  isTaskId,
  nameFault,
  queueNameFault,
  readCron,
  type Cron,
  type CronOptions,
} from '@task-center/model';
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
 * Returns the name of a type if it may be used.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTypeName(name: string): string {
  if (validTypes.has(name)) return name;
  const fault = typeof name === 'string' ? nameFault(name) : 'no text';
  if (fault === null) return cache(name, validTypes);
  throw new TaskCenterError('invalid-value', {
    name: 'type',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces or control characters',
  });
}

/**
 * Returns the ID if a client may choose it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTaskId(id: string): string {
  if (typeof id === 'string' && isTaskId(id)) return id;
  throw invalidValue('id', id, '1 to 255 bytes, not blank, without points and control characters');
}

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
