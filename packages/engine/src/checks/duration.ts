import { MAX_DURATION_MS, parseDuration, type Duration } from '@task-center/model';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';

const EXPECTED =
  'a duration of at most ten years: whole milliseconds, or a text such as "250ms", "10s", "1h30m", "7d" or "PT10M"';

/** A duration in ms; null = it is none, whatever it is. */
function readDuration(value: unknown): number | null {
  if (typeof value === 'string') return parseDuration(value);
  const isMs = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_DURATION_MS;
  return isMs ? value : null;
}

/**
 * A duration in ms.
 *
 * @param name the option that it was given for, as the error names it
 * @throws TaskCenterError `invalid-value`
 */
export function durationMs(value: Duration, name: string): number {
  const ms = readDuration(value);
  if (ms !== null) return ms;
  throw invalidValue(name, value, EXPECTED);
}

/** The shortest and the longest duration that an option may have, as texts, which the error shows. */
export interface DurationBounds {
  readonly min: Duration;
  readonly max?: Duration;
}

/**
 * A duration in ms that is within bounds.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function boundedMs(value: Duration, name: string, { min, max }: DurationBounds): number {
  const ms = durationMs(value, name);
  const isLongEnough = ms >= durationMs(min, name);
  if (isLongEnough && (max === undefined || ms <= durationMs(max, name))) return ms;
  const got = typeof value === 'number' ? `${value} ms` : JSON.stringify(value);
  const expected = max === undefined ? `at least ${min}` : `a duration from ${min} to ${max}`;
  throw new TaskCenterError('invalid-value', { name, got, expected });
}

/**
 * Makes a `Duration` of a text that the compiler does not know, such as one from a file: `duration(config.timeout)`.
 *
 * @throws TaskCenterError `invalid-value`: the text is no duration
 */
export function duration(text: string): Duration {
  durationMs(text as Duration, 'duration');
  return text as Duration;
}
