// How a schedule in a file differs from the one that is stored. Both are read as the service reads them: 90s is 1m30s, and what is
// left out has its default. Whether the two really differ only the service knows, which compares secrets, too: a difference that is
// missed here is shown as a change without fields.

import { RawJson, type Schedule } from '@task-center/api';
import { HIDDEN, parseDuration } from '@task-center/model';
import type { NamedInput } from './schedule-file.ts';

/** One field that differs. */
export interface Difference {
  /** Such as `task.timeout`. */
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** What a field has that is left out. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  timezone: 'UTC',
  skip_next: 0,
  jitter: '0s',
  shards: 1,
  overlap: 'allow',
};
/** The same for the fields of `misfire`. */
const MISFIRE = { policy: 'fire_once', grace: '60s', limit: 10 };
/** A callback is expected to answer quickly. */
const taskDefaults = (isCallback: boolean) => ({
  queue: 'default',
  timeout: isCallback ? '10s' : '30m',
  retention: '24h',
  retry: 'default',
  ...(isCallback && { type: 'callback' }),
});
/** Names of retry policies, and their number of retries. */
const RETRIES: Readonly<Record<string, number>> = { default: 3, patient: 15 };
/** The same for the fields of a callback. */
const CALLBACK = { method: 'POST', connect_timeout: '3s', redirects: 'none', headers: {} };
/** A priority is a name for a queue. */
const PRIORITIES: Readonly<Record<string, string>> = {
  normal: 'default',
  0: 'low',
  1: 'default',
  2: 'high',
  3: 'critical',
};

type Fields = Readonly<Record<string, unknown>>;
/** The fields of an object; what is missing has none. */
const fieldsOf = (value: unknown): Fields => (value ?? {}) as Fields;

/** Fields that mean something else than they say: a duration, a time. */
const DURATIONS = new Set([
  'every',
  'jitter',
  'grace',
  'timeout',
  'retention',
  'connect_timeout',
  'initial',
  'max',
  'step',
  'delay',
]);
/** A time may be written with any offset. */
const TIMES = new Set(['at', 'starts_at', 'ends_at']);

/** A value that is equal where the service takes two for the same. */
function meaning(name: string, value: unknown): unknown {
  if (value instanceof RawJson) return JSON.parse(value.text) as unknown;
  if (typeof value !== 'string') return value;
  if (DURATIONS.has(name)) return parseDuration(value) ?? value;
  return TIMES.has(name) ? Date.parse(value) || value : value;
}

/** The fields of a task with all defaults. */
function wholeTask(given: Fields): Fields {
  const { priority, retry, callback, payload, ...task } = given;
  const defaults = taskDefaults(callback !== undefined);
  const policy = retry ?? defaults.retry;
  const isNamed = typeof priority === 'string' || typeof priority === 'number';
  const queue = isNamed ? { queue: PRIORITIES[priority] ?? priority } : {};
  return {
    ...defaults,
    ...queue,
    ...task,
    retry: typeof policy === 'string' ? { max_retries: RETRIES[policy] } : policy,
    ...(callback !== undefined && callback !== null && { callback: { ...CALLBACK, ...fieldsOf(callback) } }),
    payload: payload ?? null,
  };
}

/** The fields of a schedule with all defaults, without those that are null: an answer has both. */
function whole(schedule: Fields): Fields {
  const { task, misfire, cron, every, ...rest } = schedule;
  return {
    ...DEFAULTS,
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined)),
    ...(typeof cron === 'string' && { cron, dialect: schedule['dialect'] ?? 'unix' }),
    ...(typeof every === 'string' && { every, from: schedule['from'] ?? 'start' }),
    misfire: { ...MISFIRE, ...fieldsOf(misfire) },
    task: wholeTask(fieldsOf(task)),
  };
}

/** Whether a value is compared field by field. A raw payload is one value. */
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawJson);

/** Longest value in a line of the output, characters. */
const MAX_SHOWN = 60;
/** A value in a line of the output: a payload may be megabytes long. */
function shownValue(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = value instanceof RawJson ? value.text : JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** Two values, field by field. A secret is hidden: whether it differs only the service knows. */
function* compare(path: string, from: unknown, to: unknown): Iterable<Difference> {
  const name = path.slice(path.lastIndexOf('.') + 1);
  if (typeof from === 'string' && from.includes(HIDDEN)) return;
  if (isFields(from) && isFields(to) && name !== 'payload') {
    for (const key of new Set([...Object.keys(from), ...Object.keys(to)]))
      yield* compare(path === '' ? key : `${path}.${key}`, from[key], to[key]);
    return;
  }
  if (JSON.stringify(meaning(name, from)) === JSON.stringify(meaning(name, to))) return;
  yield { path, from: shownValue(from), to: shownValue(to) };
}

/** What only an answer has. A payload that is too large to be shown is not compared. */
const NOT_COMPARED =
  'id source paused pause_reason next_fire_at last_fire runs failing late fires created_at updated_at version business_id'.split(
    ' ',
  );

/** The fields in which a schedule of a file differs from the stored one; none = they are the same, but for secrets. */
export function differences(stored: Schedule, input: NamedInput): Difference[] {
  const without = (fields: Fields): Fields =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => !NOT_COMPARED.includes(name)));
  const from = whole(without(stored));
  const to = whole(without(input));
  return [...compare('', from, to)];
}
