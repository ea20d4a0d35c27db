import { CONTROL_CHARACTERS } from '@task-center/model';
import { codes, type ErrorCode, type ErrorDetails, type ErrorText } from './codes.ts';

/** An error that the engine raises on purpose. Codes and details are stable; texts may change. */
export class TaskCenterError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  /** The values in the message. */
  readonly details: ErrorDetails<C>;
  /** What to do about it. */
  readonly fix: string;

  constructor(code: C, details: ErrorDetails<C>, options?: ErrorOptions) {
    const text = codeText(code, details);
    super(text.message, causeIn(options));
    this.name = 'TaskCenterError';
    this.code = code;
    this.details = details;
    this.fix = text.fix;
  }
}

/** The cause that an error is given, if it can be read: options may be anything, and a proxy throws at any look. */
export function causeIn(options: unknown): ErrorOptions | undefined {
  try {
    return options instanceof Object && 'cause' in options ? { cause: options.cause } : undefined;
  } catch {
    return undefined;
  }
}

/** The text of an error. Programs may make one, too. @throws TaskCenterError `invalid-value`: no such code, or not its details */
function codeText<C extends ErrorCode>(code: C, details: ErrorDetails<C>): ErrorText {
  if (typeof code !== 'string' || !Object.hasOwn(codes, code))
    throw invalidValue('code', code, 'one of the names in `codes`');
  try {
    return (codes[code] as (details: ErrorDetails<C>) => ErrorText)(details);
  } catch (error) {
    throw invalidValue('details', details, `the details of "${code}": ${messageOf(error)}`);
  }
}

/** Whether `error` is a `TaskCenterError` with this code. */
export function isTaskCenterError<C extends ErrorCode>(error: unknown, code: C): error is TaskCenterError<C> {
  return error instanceof TaskCenterError && error.code === code;
}

const MAX_SHOWN_LENGTH = 64;
/** These are escaped here, because `JSON.stringify` leaves most of them as they are. */
const EACH_CONTROL_CHARACTER = new RegExp(`[${CONTROL_CHARACTERS}]`, 'g');

function quotedText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  try {
    return String(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}

/** A value as errors show it: strings in quotes, at most 64 characters, control characters escaped. */
export function shown(value: unknown): string {
  const text = quotedText(value).replace(
    EACH_CONTROL_CHARACTER,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text;
}

/** A broker's URL as an error may show it, without its logins, even if it cannot be parsed. */
export function shownUrl(url: string): string {
  return shown(url.replace(/\/\/.*@/s, '//***@').replace(/(password=)[^&]*/g, '$1***'));
}

/** The error for an invalid value, which may be of any type. */
export function invalidValue(name: string, got: unknown, expected: string): TaskCenterError<'invalid-value'> {
  return new TaskCenterError('invalid-value', { name, got: shown(got), expected });
}

/** The message of whatever was thrown, for causes in errors and logs. Even reading it may throw. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return `a value of type ${typeof error} that cannot be shown`;
  }
}
