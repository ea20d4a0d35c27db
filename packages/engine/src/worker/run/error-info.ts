import type { FailureHints } from '@task-center/model';
import { DeferError, HandlerError, NonRetryableError, RevokeError } from '../../errors/handler-errors.ts';
import { MAX_STORED_ERROR_LENGTH } from '../../task/attempt-record.ts';

const MAX_CAUSE_DEPTH = 8;

// What is read from a value that a handler threw. It may be anything, and even reading it may throw.

/** Returns the error itself, or else the nearest error of this kind among its causes. */
function nearest<E>(error: unknown, isOfKind: (value: unknown) => value is E): E | undefined {
  let current = error;
  try {
    for (let depth = 0; depth < MAX_CAUSE_DEPTH && current instanceof Error; depth += 1) {
      if (isOfKind(current)) return current;
      current = current.cause;
    }
  } catch {
    // A cause whose reading throws has no hints.
  }
  return undefined;
}

/**
 * The hints of an error, or of the nearest of its causes that has some. What is not of its type is left out: the record of the
 * attempt could not be written, and the exchange would fail that hands in others beside it. The policy of retries judges
 * `retryAfterMs`, and says in the record when it is no duration.
 */
export function hintsOf(error: unknown): FailureHints {
  const hasHints = (value: unknown) => value instanceof HandlerError || value instanceof NonRetryableError;
  try {
    const given: FailureHints = nearest(error, hasHints)?.hints ?? {};
    const { retryable, retryAfterMs, errorClass, status, reason, isLogged } = given;
    return {
      ...(typeof retryable === 'boolean' && { retryable }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      ...(typeof errorClass === 'string' && { errorClass: storable(errorClass) }),
      ...(typeof status === 'number' && Number.isFinite(status) && { status }),
      ...(typeof reason === 'string' && { reason: storable(reason) }),
      ...(isLogged === true && { isLogged }),
    };
  } catch {
    return {};
  }
}

/** The error, or the nearest of its causes, that asks to defer the task. */
export function deferralIn(error: unknown): DeferError | undefined {
  return nearest(error, (value) => value instanceof DeferError);
}

/** Whether the error, or one of its causes, is a `RevokeError`. */
export function isRevocation(error: unknown): boolean {
  return nearest(error, (value) => value instanceof RevokeError) !== undefined;
}

/** The class of an error: its `name`, which handlers may have overwritten with anything. */
export function classOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return 'unknown';
    return typeof error.name === 'string' ? storable(error.name) : 'Error';
  } catch {
    return 'Error';
  }
}

/** A text as it is kept: at most 8,192 characters. It has no NUL, at which some databases and terminals end a text. */
const storable = (text: string): string =>
  text.slice(0, MAX_STORED_ERROR_LENGTH).toWellFormed().replaceAll('\0', '\ufffd');

/** A text for any thrown value, as it is kept. */
export function errorTextOf(error: unknown): string {
  let text: string;
  try {
    const shown: unknown = error instanceof Error ? error.message : error;
    text = typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? 'undefined');
  } catch {
    text = 'an error that cannot be shown';
  }
  return storable(text);
}
