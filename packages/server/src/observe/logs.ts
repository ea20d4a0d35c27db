/** The log: JSON lines on stdout, with known fields only. */
import { pino } from 'pino';
import type { Log } from '@task-center/engine';
import { withoutUrlSecrets } from '@task-center/model';
import type { Config, LogLevel } from '../config/config.ts';
import { VERSION } from '../version.ts';

type LogFields = Parameters<Log['info']>[0];

/**
 * The only fields that are written; all others are dropped, because they might hold a secret or a payload. To log a new
 * field, add its name here; never one that may hold a payload, a header's value or a secret.
 */
const ALLOWED = new Set(
  'event instance role request_id task_id queue type attempt business_id user_id trace_id span_id worker_id'
    .concat(' route method status duration_ms err reason loop recovered archived moved removed ids key_id')
    .concat(' fix cause reasons detail suppressed changed restart index key task_ids types channel')
    .concat(' stall_ms late_ms stuck_ms skew_ms leases attempts tasks finishes calls')
    .concat(' max_connections closed open_files for_callbacks')
    .concat(' broker url roles pid path port mode warning count signal worker outcome code action target')
    .split(' '),
);

interface ErrorLike {
  readonly name?: string;
  readonly class?: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack?: string;
}

/** A text whose URLs have no passwords and no values of secret parameters. */
const hide = (text: string) =>
  text
    .replace(/(:\/\/[^:@/\s]*):\S*@/g, '$1:***@')
    .replace(/\b[a-z][a-z\d+.-]*:\/\/[^\s"'<>`]*[?#;][^\s"'<>`]*/gi, withoutUrlSecrets);

/** The fields of an error in a log line. Secrets in URLs are hidden. */
function errorFields(error: unknown): Record<string, unknown> {
  if (typeof error !== 'object' || error === null) return { class: 'unknown', message: hide(String(error)) };
  const { name, code, message = '', stack, ...rest } = error as ErrorLike;
  return {
    class: rest.class ?? code ?? name ?? 'Error',
    message: hide(message),
    ...(stack !== undefined && { stack: hide(stack) }),
  };
}

/** A value as it is written. The text of another program's error may quote a URL. */
function writtenValue(name: string, value: unknown): unknown {
  if (name === 'err') return errorFields(value);
  return name === 'cause' ? hide(String(value)) : value;
}

/** What is written of the fields of a line. Tests look at this: a field that is dropped tells nobody anything. */
export function writtenFields(fields: LogFields): Record<string, unknown> {
  const written: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined && ALLOWED.has(name)) written[name] = writtenValue(name, value);
  return written;
}

/** A log whose level may change. */
export interface LeveledLog extends Log {
  setLevel(level: LogLevel): void;
}

/** Where the lines of a log go. */
export interface LogOutput {
  /** Never blocks and never throws. */
  write(line: string): void;
  /** How many lines were dropped since the last call, once there is room again; else 0. */
  takeDropped(): number;
}

/**
 * Creates a log of JSON lines: `time level msg service version role` and the allowed fields. When lines were dropped,
 * because nothing took them, their number is logged.
 */
export function createLog({ log, roles }: Pick<Config, 'log' | 'roles'>, output: LogOutput): LeveledLog {
  const options = {
    level: log.level,
    base: { service: 'task-center', version: VERSION, role: roles.join(',') },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // `errorFields` has converted the error already; pino must leave it as it is.
    serializers: { err: (err: unknown) => err },
    formatters: { level: (level: string) => ({ level }) },
  };
  const logger = pino(options, output);
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: LogFields, message: string) => {
    if (!logger.isLevelEnabled(level)) return;
    const count = output.takeDropped();
    if (count > 0) logger.warn({ count }, 'log lines were dropped: nothing took them in time');
    logger[level](writtenFields(fields), message);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(level) {
      logger.level = level;
    },
  };
}
