import { TaskCenterError } from '../errors/task-center-error.ts';
import type { Clock } from './clock.ts';

/** Fields of a log line, snake_case, such as `{ task_id, queue, err }`. Never payloads or results. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The part of a pino logger that the engine uses. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Logs nothing. It is the default, because a library must not write to its host's streams unasked. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Within this time one cause is told once. */
const REPEAT_MS = 1_000;
/** Causes that are remembered. */
const MAX_CAUSES = 100;

/** When a cause was told last, and how often it was left out since. */
interface Told {
  atMs: number;
  suppressed: number;
}

const quietLogs = new WeakMap<Log, Log>();

/** What stands behind a line, if others may say the same: an error of the broker; null = only this line says it. */
const causeOf = ({ err }: LogFields): string | null =>
  err instanceof TaskCenterError && err.code.startsWith('broker-') ? err.message : null;

/**
 * The same log, in which one cause is told at most once a second: many loops fail of one cause. The next line with it has
 * `suppressed`, the number of lines that were left out. Everybody who is given the same log shares it.
 */
export function quietLog(log: Log, clock: Pick<Clock, 'monotonicMs'>): Log {
  const known = quietLogs.get(log);
  if (known) return known;
  const causes = new Map<string, Told>();

  const at = (level: 'info' | 'warn' | 'error') => (fields: LogFields, message: string) => {
    const cause = causeOf(fields);
    if (cause === null) return log[level](fields, message);
    const nowMs = clock.monotonicMs();
    const told = causes.get(cause);
    if (told && nowMs - told.atMs < REPEAT_MS) return void (told.suppressed += 1);
    causes.delete(cause);
    if (causes.size >= MAX_CAUSES) causes.clear();
    causes.set(cause, { atMs: nowMs, suppressed: 0 });
    const { suppressed = 0 } = told ?? {};
    log[level](suppressed > 0 ? { ...fields, suppressed } : fields, message);
  };

  const quiet: Log = {
    debug: (fields, message) => log.debug(fields, message),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  // A log that is quiet already stays as it is.
  quietLogs.set(log, quiet).set(quiet, quiet);
  return quiet;
}
