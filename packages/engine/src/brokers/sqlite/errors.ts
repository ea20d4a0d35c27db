// Errors of the SQLite broker: what the driver's result codes mean, and how errors travel between the two threads.
import type { ErrorCode, ErrorDetails } from '../../errors/codes.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';

/** An error as it travels between the threads: an `Error` would lose its class and its details on the way. */
export interface WireError {
  readonly code: ErrorCode;
  readonly details: ErrorDetails<ErrorCode>;
}

export const toWire = ({ code, details }: TaskCenterError): WireError => ({ code, details });

export const fromWire = ({ code, details }: WireError): TaskCenterError => new TaskCenterError(code, details);

/**
 * What an error of the driver means for the broker. `fatal`: the file can no longer be trusted or written (I/O error,
 * damage). The process must then acknowledge nothing more: the kernel may have dropped the pages of a failed fsync, so
 * repeating it would succeed without having written them.
 */
export type DriverErrorKind = 'full' | 'read-only' | 'locked' | 'fatal' | 'other';

/** SQLite's primary result codes. */
const RESULT = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADb: 26,
};

const KIND_BY_RESULT: ReadonlyMap<number, DriverErrorKind> = new Map([
  [RESULT.busy, 'locked'],
  [RESULT.locked, 'locked'],
  [RESULT.readOnly, 'read-only'],
  [RESULT.full, 'full'],
  [RESULT.ioError, 'fatal'],
  [RESULT.corrupt, 'fatal'],
  [RESULT.cantOpen, 'fatal'],
  [RESULT.notADb, 'fatal'],
]);

/** The primary result code: the lower eight bits of an extended one. 0 for an error that is not the driver's. */
const resultCodeOf = (error: unknown): number => Number((error as { errcode?: unknown }).errcode ?? 0) & 0xff;

export function errorKindOf(error: unknown): DriverErrorKind {
  return KIND_BY_RESULT.get(resultCodeOf(error)) ?? 'other';
}
