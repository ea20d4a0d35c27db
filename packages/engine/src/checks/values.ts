import { types } from 'node:util';
import { boundedMs, durationMs, type DurationBounds } from './duration.ts';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';

/**
 * Checks a value of an option or an argument.
 *
 * @param name what errors call it: `lease`, `redis.tls.ca`
 * @throws TaskCenterError `invalid-value`
 */
export type ValueCheck = (value: unknown, name: string) => void;

/** Whether a value passes a test. One that cannot even be read, such as a proxy that was revoked, does not. */
export function passes(isValid: (value: unknown) => boolean, value: unknown): boolean {
  try {
    return isValid(value);
  } catch {
    return false;
  }
}

/** Makes a check of what a value must be, in words, and how that is seen. */
export const checkOf =
  (expected: string, isValid: (value: unknown) => boolean): ValueCheck =>
  (value, name) => {
    if (!passes(isValid, value)) throw invalidValue(name, value, expected);
  };

/** The same for a value that no error may show. */
export const secret =
  (expected: string, isValid: (value: unknown) => boolean): ValueCheck =>
  (value, name) => {
    if (isValid(value)) return;
    const got = value === null ? 'null' : `a value of type ${typeof value}`;
    throw new TaskCenterError('invalid-value', { name, got, expected });
  };

const isFunction = (value: unknown): boolean => typeof value === 'function';

export const anyValue: ValueCheck = () => {};
export const anyText = checkOf('a text', (value) => typeof value === 'string');
export const filledText = checkOf(
  'a text that is not blank',
  (value) => typeof value === 'string' && value.trim() !== '',
);
export const flag = checkOf('true or false', (value) => typeof value === 'boolean');
export const func = checkOf('a function', isFunction);
export const anyBytes = checkOf('bytes: a Uint8Array', types.isUint8Array);
export const lengthOfTime: ValueCheck = (value, name) => void durationMs(value as '1s', name);
/** From another realm, too: `instanceof` would refuse it. */
export const abortSignal = checkOf(
  'an AbortSignal',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    'addEventListener' in value &&
    isFunction(value.addEventListener),
);

/** What may be null, too. */
export const orNull =
  (check: ValueCheck): ValueCheck =>
  (value, name) => {
    if (value !== null) check(value, name);
  };

/** A duration within bounds. */
export const durationWithin =
  (bounds: DurationBounds): ValueCheck =>
  (value, name) =>
    void boundedMs(value as '1s', name, bounds);

/** A whole number within bounds. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): ValueCheck {
  const isWithin = (value: unknown) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`;
  return checkOf(expected, isWithin);
}

/** One of the values. */
export const oneOf = (values: readonly unknown[]): ValueCheck =>
  checkOf(values.length === 1 ? `"${String(values[0])}"` : `one of ${values.join(', ')}`, (value) =>
    values.includes(value),
  );

export const isList = (value: unknown): value is readonly unknown[] => passes(Array.isArray, value);

/** A list whose items pass a check. */
export function listOf(item: ValueCheck, expected: string): ValueCheck {
  return (value, name) => {
    if (!isList(value)) throw invalidValue(name, value, expected);
    value.forEach((each, i) => item(each, `${name}[${i}]`));
  };
}

/** An object that has these methods, such as a log. It may have more, and be of any class. */
export const withMethods = (expected: string, methods: readonly string[]): ValueCheck =>
  checkOf(
    `${expected}, with ${methods.map((method) => `${method}()`).join(', ')}`,
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => isFunction((value as Readonly<Record<string, unknown>>)[method])),
  );

/**
 * Checks a broker. A promise of one is the usual mistake.
 *
 * @param facets those that the caller uses
 * @throws TaskCenterError `invalid-value`
 */
export function checkBroker(broker: unknown, ...facets: readonly string[]): void {
  const hasFacets = (value: unknown): boolean => {
    const parts = Object(value) as Readonly<Record<string, unknown>>;
    return facets.every((facet) => typeof parts[facet] === 'object' && parts[facet] !== null);
  };
  if (!passes(hasFacets, broker)) throw invalidValue('broker', broker, 'a broker: `await connect(url)`');
}
