/** The log as JSON lines, for the library and for the service. */
import { withoutUrlSecrets } from '@task-center/model';
import { stackOf } from '../errors/stack.ts';
import { LEVELS, type Log, type LogFields, type LogLevel } from './log.ts';

/** Longest text in a field, characters. */
const MAX_TEXT_LENGTH = 8_192;
/** Longest line, characters. A field that would make it longer is left out. */
const MAX_LINE_LENGTH = 32_768;

/** Where the lines of a log go. */
export interface LogOutput {
  /** Never blocks and never throws. */
  write(line: string): void;
  /** How many lines were dropped since the last call, once there is room again; else 0. */
  takeDropped(): number;
}

/** From everything to nothing. Each level also logs what the levels after it log. */
export type MinLevel = LogLevel | 'silent';

/** A log whose level may change. */
export interface LeveledLog extends Log {
  setLevel(level: MinLevel): void;
}

export interface JsonLogOptions {
  readonly level: MinLevel;
  readonly output: LogOutput;
  /** Fields that each line has. */
  readonly base?: LogFields;
  /** Whether a field may be written. Default: each may. */
  readonly isWritten?: (name: string) => boolean;
}

/** Other programs' errors may have anything in these fields. */
interface ErrorLike {
  readonly name?: unknown;
  readonly class?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
}

/** A text whose URLs have no passwords and no values of secret parameters. */
export const hide = (text: string): string =>
  text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/(:\/\/[^:@/\s]*):\S*@/g, '$1:***@')
    .replace(/\b[a-z][a-z\d+.-]*:\/\/[^\s"'<>`]*[?#;][^\s"'<>`]*/gi, withoutUrlSecrets);

/** The fields of an error in a log line: what it is, what it says, and the stack with those of its causes. */
function errorFields(error: unknown): LogFields {
  try {
    return readError(error);
  } catch {
    return { class: 'unknown', message: 'an error that cannot be read' };
  }
}

function readError(error: unknown): LogFields {
  if (typeof error !== 'object' || error === null) return { class: 'unknown', message: hide(String(error)) };
  const { name, code, message = '', ...rest } = error as ErrorLike;
  const stack = error instanceof Error ? stackOf(error) : rest.stack;
  return {
    class: rest.class ?? code ?? name ?? 'Error',
    message: hide(typeof message === 'string' ? message : (jsonText(message) ?? '')),
    ...(typeof stack === 'string' && { stack: hide(stack) }),
  };
}

/** Other programs' errors quote URLs. */
const writtenValue = (name: string, value: unknown): unknown => {
  if (name === 'err') return errorFields(value);
  return name === 'cause' ? hide(String(value)) : value;
};

/** What is written of the fields of a line. */
export function writtenFields(fields: LogFields, isWritten: (name: string) => boolean): LogFields {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && isWritten(name)) written[name] = writtenValue(name, value);
  return written;
}

/** Values that JSON has no form for, and those that would fill the log. */
function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'string' && value.length > MAX_TEXT_LENGTH)
    return `${value.slice(0, MAX_TEXT_LENGTH)}…`;
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? errorFields(value) : value;
}

/** A value as JSON. A handler may log anything, and a line with a wrong value is better than none. */
function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, plainValue);
  } catch {
    return '"a value that JSON cannot represent"';
  }
}

function fieldsText(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    const json = jsonText(value);
    if (json === undefined) continue;
    const isTooLong = text.length + json.length > MAX_LINE_LENGTH;
    text += `,${JSON.stringify(name)}:${isTooLong ? '"left out: too long"' : json}`;
  }
  return text;
}

/** Names that every line has: a field of the same name must not stand in their place. */
const OWN_NAMES = new Set(['time', 'level', 'msg']);

/**
 * Creates a log of JSON lines: `time level msg`, the fields of `base`, and those of the line. When lines were dropped, because
 * nothing took them, their number is logged.
 */
export function createJsonLog({
  output,
  base = {},
  isWritten = () => true,
  ...options
}: JsonLogOptions): LeveledLog {
  const baseText = fieldsText(base);
  let least = rankOf(options.level);

  const write = (level: LogLevel, fields: LogFields, message: string) => {
    const isOwn = (name: string) => !OWN_NAMES.has(name) && isWritten(name);
    const head = `{"level":"${level}","time":"${new Date().toISOString()}"`;
    const rest = fieldsText(writtenFields(fields, isOwn));
    output.write(`${head}${baseText}${rest},"msg":${jsonText(message)}}\n`);
  };
  const at = (level: LogLevel) => (fields: LogFields, message: string) => {
    if (rankOf(level) < least) return;
    const count = output.takeDropped();
    if (count > 0) write('warn', { count }, 'log lines were dropped: nothing took them in time');
    write(level, fields, message);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(level) {
      least = rankOf(level);
    },
  };
}

const rankOf = (level: MinLevel): number => (level === 'silent' ? LEVELS.length : LEVELS.indexOf(level));
