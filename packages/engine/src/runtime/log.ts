import { TaskCenterError } from '../errors/task-center-error.ts';
import { callHost } from './call-host.ts';
import type { Clock } from './clock.ts';

/** Fields of a log line, snake_case, such as `{ task_id, queue, err }`. Never payloads or results. */
export type LogFields = Readonly<Record<string, unknown>>;

/** From the least to the most important. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

type WriteLine = (fields: LogFields, message: string) => void;

/** Where lines go: a pino logger, the `console`, or an object of your own with these four functions. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** A log made of one function for each level. */
export const eachLevel = (at: (level: LogLevel) => WriteLine): Log => ({
  debug: at('debug'),
  info: at('info'),
  warn: at('warn'),
  error: at('error'),
});

/** Logs nothing. */
export const silentLog: Log = eachLevel(() => () => {});

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

/** Writes a line. There is nobody left to tell of a log that throws or rejects. */
function writeSafely(log: Log, level: LogLevel, line: Parameters<WriteLine>): void {
  callHost(
    () => log[level](...line),
    () => {},
  );
}

/**
 * The same log, in which one cause is told at most once a second: many loops fail of one cause. The next line with it has
 * `suppressed`, the number of lines that were left out. Everybody who is given the same log shares it. It never throws.
 */
export function quietLog(log: Log, clock: Pick<Clock, 'monotonicMs'>): Log {
  const known = quietLogs.get(log);
  if (known) return known;
  const causes = new Map<string, Told>();

  const at = (level: LogLevel) => (fields: LogFields, message: string) => {
    const cause = level === 'debug' ? null : causeOf(fields);
    if (cause === null) return writeSafely(log, level, [fields, message]);
    const nowMs = clock.monotonicMs();
    const told = causes.get(cause);
    if (told && nowMs - told.atMs < REPEAT_MS) return void (told.suppressed += 1);
    causes.delete(cause);
    if (causes.size >= MAX_CAUSES) causes.clear();
    causes.set(cause, { atMs: nowMs, suppressed: 0 });
    const { suppressed = 0 } = told ?? {};
    writeSafely(log, level, [suppressed > 0 ? { ...fields, suppressed } : fields, message]);
  };

  const quiet = eachLevel(at);
  // A log that is quiet already stays as it is.
  quietLogs.set(log, quiet).set(quiet, quiet);
  return quiet;
}
