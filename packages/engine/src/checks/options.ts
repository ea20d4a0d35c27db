import { invalidValue, messageOf, shown, TaskCenterError } from '../errors/task-center-error.ts';
import { likelyName } from './likely-name.ts';
import { anyText, passes, type ValueCheck } from './values.ts';

// The one checker of options objects. Each interface has a table beside it with a row for every option: what the compiler
// checks for TypeScript, this checks for everyone, before anything else is done with the options.

/** The check of an option that must be given. */
export interface RequiredCheck {
  readonly required: ValueCheck;
}

/** A row for each option. One that the interface has and the table has not is an error of the compiler. */
export type OptionRows<Options extends object> = {
  readonly [Name in keyof Options]-?: undefined extends Options[Name] ? ValueCheck : RequiredCheck;
};

type Fields = Readonly<Record<string, unknown>>;

/** The check of an option that must be given. */
export const required = (check: ValueCheck): RequiredCheck => ({ required: check });

/** Objects that are no options although they are objects: lists, maps, dates, promises, bytes … Own classes may be options. */
export function isOptions(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && passes(isPlainObject, value);
}

const isPlainObject = (value: unknown): boolean =>
  Object.getPrototypeOf(value) === Object.prototype ||
  Object.prototype.toString.call(value) === '[object Object]';

/** An object of any fields. */
export const object: ValueCheck = (value, name) => {
  if (!isOptions(value)) throw invalidValue(name, value, 'a plain object');
};

/** An object whose fields are texts, such as the headers of a task. */
export const textMap: ValueCheck = (value, name) => {
  object(value, name);
  for (const [key, text] of Object.entries(value as object)) anyText(text, `${name}.${key}`);
};

/** A name as errors show it: as it is, unless it could look like something else. */
const shownOption = (name: string): string => (/^[\w$.-]{1,64}$/.test(name) ? name : shown(name));

/** An object that takes options. */
interface Taker {
  /** Errors call it so, such as `Worker`. */
  readonly what: string;
  /** The names of its options. */
  readonly known: ReadonlySet<string>;
}

/** The error for an option that is not known. `path`: where the options are within others, with its point. */
export function unknownOption(name: string, { what, known }: Taker, path = ''): TaskCenterError {
  const names = [...known];
  const likely = likelyName(name, names);
  const got = `an unknown option of ${what}${likely === null ? '' : ` (did you mean "${likely}"?)`}`;
  const expected = likely === null ? `one of ${names.join(', ')}` : `"${likely}"`;
  return new TaskCenterError('invalid-value', { name: path + shownOption(name), got, expected });
}

/** Options may be read by getters and proxies, which may throw: what they throw is not ours to pass on. */
function unreadable(name: string, error: unknown): TaskCenterError {
  const got = `an object that cannot be read: ${messageOf(error)}`;
  return new TaskCenterError('invalid-value', { name, got, expected: 'a plain object' }, { cause: error });
}

/** Checks options, and returns them as what they are then. @throws TaskCenterError `invalid-value` */
export type OptionsCheck<Options extends object> = (given: unknown, path?: string) => Options;

/** Most options are written where they are given. This is seen faster than all else that `isOptions` takes. */
const isLiteral = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && value.constructor === Object;

/** Refuses what is no object of options, and names that are not known. */
function checkNames(given: unknown, taker: Taker, path: string): asserts given is Fields {
  if (!isLiteral(given) && !isOptions(given))
    throw invalidValue(path || 'options', given, `an object with options of ${taker.what}`);
  for (const name in given)
    if (!taker.known.has(name) && given[name] !== undefined)
      throw unknownOption(name, taker, path === '' ? '' : `${path}.`);
}

const faultOf = (path: string, error: unknown): TaskCenterError =>
  error instanceof TaskCenterError ? error : unreadable(path || 'options', error);

/** Calls a check. An object that cannot be read is not valid either. */
export function callCheck<Result>(path: string, check: () => Result): Result {
  try {
    return check();
  } catch (error) {
    throw faultOf(path, error);
  }
}

/**
 * Creates a check of the names alone, for options whose values are checked when they are read: where a call is frequent, an
 * option that is absent must cost nothing.
 */
export function createNamesCheck<Options extends object>(
  what: string,
  table: Readonly<Record<keyof Options, true>>,
): OptionsCheck<Options> {
  const taker = { what, known: new Set(Object.keys(table)) };
  return (given, path = '') => {
    try {
      checkNames(given, taker, path);
    } catch (error) {
      throw faultOf(path, error);
    }
    return given as Options;
  };
}

type Rows = readonly (readonly [name: string, row: ValueCheck | RequiredCheck])[];

const rowsOf = (table: object): Rows =>
  Object.entries(table as Readonly<Record<string, ValueCheck | RequiredCheck>>);

function checkRows(given: Fields, rows: Rows, path: string): void {
  for (const [name, row] of rows) {
    const value = given[name];
    const field = path === '' ? name : `${path}.${name}`;
    if (typeof row !== 'function') callCheck(field, () => row.required(value, field));
    else if (value !== undefined) callCheck(field, () => row(value, field));
  }
}

/**
 * Creates the check of an options object.
 *
 * @param what whose options they are, as errors name it
 */
export function createOptionsCheck<Options extends object>(
  what: string,
  table: OptionRows<Options>,
): OptionsCheck<Options> {
  const rows = rowsOf(table);
  const taker = { what, known: new Set(rows.map(([name]) => name)) };
  return (given, path = '') =>
    callCheck(path, () => {
      checkNames(given, taker, path);
      checkRows(given, rows, path);
      return given as Options;
    });
}

/**
 * Creates the check of an argument that must have some fields, and may have more: whatever identifies a task, for example.
 *
 * @param name what errors call the argument
 */
export function createFieldsCheck<Argument extends object>(
  name: string,
  table: OptionRows<Argument>,
): OptionsCheck<Argument> {
  const rows = rowsOf(table);
  const expected = `an object with ${rows.map(([field]) => `\`${field}\``).join(', ')}`;
  return (given, path = '') =>
    callCheck(path || name, () => {
      if (typeof given !== 'object' || given === null) throw invalidValue(path || name, given, expected);
      checkRows(given as Fields, rows, path);
      return given as Argument;
    });
}
