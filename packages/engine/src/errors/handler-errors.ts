import type { FailureHints } from '@task-center/model';

/** A failed attempt with hints. Throw it from a handler. */
export class HandlerError extends Error {
  readonly hints: FailureHints;

  constructor(message: string, hints: FailureHints = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HandlerError';
    this.hints = hints;
  }
}

/**
 * Removes the task (Asynq's RevokeTask). Throw it from a handler: the task counts as processed, not as failed, and nothing
 * of it is kept, whatever its retention.
 */
export class RevokeError extends Error {
  constructor(message = 'revoke task', options?: ErrorOptions) {
    super(message, options);
    this.name = 'RevokeError';
  }
}

/** A failure that another attempt cannot fix (Asynq's SkipRetry). Throw it from a handler: the task is archived at once. */
export class NonRetryableError extends Error {
  readonly hints: FailureHints = { retryable: false };

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NonRetryableError';
  }
}
