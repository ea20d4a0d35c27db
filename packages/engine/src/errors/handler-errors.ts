/** What a handler's error may say about the task's future. All are optional; any thrown value will do. */
export interface FailureHints {
  /** `false`: no retry, the task is archived at once. Default `true`. */
  readonly retryable?: boolean;
  /** Least delay before the retry, ms; the policy's own delay counts if it is longer. */
  readonly retryAfterMs?: number;
  /** Class of the error in snake_case, for retry rules and grouping. Default: the error's `name`. */
  readonly errorClass?: string;
  /** Status of the answer, for HTTP. */
  readonly status?: number;
  /** Why the decision was taken, in words, kept with the attempt. */
  readonly reason?: string;
}

/** A handler's failure with hints. */
export class HandlerError extends Error {
  readonly hints: FailureHints;

  constructor(message: string, hints: FailureHints = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HandlerError';
    this.hints = hints;
  }
}

/**
 * Thrown by a handler that wants its task gone (Asynq's RevokeTask): it counts as processed, not as failed, and
 * nothing of it is kept, whatever its retention.
 */
export class RevokeError extends Error {
  constructor(message = 'revoke task', options?: ErrorOptions) {
    super(message, options);
    this.name = 'RevokeError';
  }
}

/** Thrown by a handler when another attempt cannot help: the task is archived at once (Asynq's SkipRetry). */
export class NonRetryableError extends Error {
  readonly hints: FailureHints = { retryable: false };

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NonRetryableError';
  }
}
