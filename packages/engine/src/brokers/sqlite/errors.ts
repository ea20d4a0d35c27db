import type { ErrorCode, ErrorDetails } from '../../errors/codes.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';

/** An error as it travels between the threads. */
export interface WireError {
  readonly code: ErrorCode;
  readonly details: ErrorDetails<ErrorCode>;
}

export const toWire = ({ code, details }: TaskCenterError): WireError => ({ code, details });

export const fromWire = ({ code, details }: WireError): TaskCenterError => new TaskCenterError(code, details);

/**
 * What an error of the driver means. `fatal`: the file can no longer be trusted or written (I/O error, damage);
 * the process must not acknowledge anything more, as a failed fsync cannot be repeated (reliability D.6 S9).
 */
export type ErrorAction = 'full' | 'read-only' | 'locked' | 'fatal' | 'other';

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

const TROUBLE: ReadonlyMap<number, ErrorAction> = new Map([
  [RESULT.busy, 'locked'],
  [RESULT.locked, 'locked'],
  [RESULT.readOnly, 'read-only'],
  [RESULT.full, 'full'],
  [RESULT.ioError, 'fatal'],
  [RESULT.corrupt, 'fatal'],
  [RESULT.cantOpen, 'fatal'],
  [RESULT.notADb, 'fatal'],
]);

/** The lower eight bits of an extended code are the result itself. */
const resultOf = (error: unknown): number => Number((error as { errcode?: unknown }).errcode ?? 0) & 0xff;

export function errorActionOf(error: unknown): ErrorAction {
  return TROUBLE.get(resultOf(error)) ?? 'other';
}

/** An error's reason in words, for messages. */
export function causeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
