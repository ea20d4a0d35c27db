import {
  HandlerError,
  NonRetryableError,
  RevokeError,
  type FailureHints,
} from '../../errors/handler-errors.ts';

const MAX_ERROR_LENGTH = 8_192;
const MAX_CAUSE_DEPTH = 8;

/** The error itself, or the nearest one that it wraps by `cause`, that is of a wanted kind. */
function nearest<E>(error: unknown, wanted: (one: unknown) => one is E): E | undefined {
  let one = error;
  try {
    for (let depth = 0; depth < MAX_CAUSE_DEPTH && one instanceof Error; depth += 1) {
      if (wanted(one)) return one;
      one = one.cause;
    }
  } catch {
    // A cause that cannot be looked at says nothing.
  }
  return undefined;
}

/** The hints of an error, or of the nearest one that it wraps. */
export function hintsOf(error: unknown): FailureHints {
  const hinting = (one: unknown) => one instanceof HandlerError || one instanceof NonRetryableError;
  return nearest(error, hinting)?.hints ?? {};
}

/** Whether its handler wants the task gone. */
export function revokes(error: unknown): boolean {
  return nearest(error, (one) => one instanceof RevokeError) !== undefined;
}

/** An error's name; anybody may have overwritten it, as the message below. */
export function classOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return 'unknown';
    return typeof error.name === 'string' ? error.name : 'Error';
  } catch {
    return 'Error';
  }
}

/** A text of any thrown value, whatever it is. */
export function textOf(error: unknown): string {
  let text: string;
  try {
    const shown: unknown = error instanceof Error ? error.message : error;
    text = typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? 'undefined');
  } catch {
    text = 'an error that cannot be shown';
  }
  return text.slice(0, MAX_ERROR_LENGTH).toWellFormed();
}
