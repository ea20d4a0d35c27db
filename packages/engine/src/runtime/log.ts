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
