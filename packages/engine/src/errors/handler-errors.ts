/** What a handler's error may say about the task's future. Everything is optional, and a handler may throw any value. */
export interface FailureHints {
  /** `false`: the task is archived at once, without another retry. Default `true`. */
  readonly retryable?: boolean;
  /** Shortest delay before the retry, ms. A longer delay of the retry policy wins. Default 0. */
  readonly retryAfterMs?: number;
  /** Class of the error in snake_case, by which errors are grouped. Default: the error's `name`. */
  readonly errorClass?: string;
  /** HTTP status of the answer, where the handler made a request. */
  readonly status?: number;
  /** Why the task is or is not retried, in words. It is kept with the attempt. */
  readonly reason?: string;
}

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
