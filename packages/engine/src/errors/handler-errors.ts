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

/** How a task is deferred. */
export interface DeferOptions extends ErrorOptions {
  /** After this time the task is due again, ms. A task with a deadline is due by its deadline at the latest. */
  readonly delayMs: number;
}

/**
 * The task cannot run now, and nothing of it has failed. Throw it from a handler: the task is given back without using up an attempt, and is
 * due after a pause. The reason is shown with the task until it is taken again, at most 200 characters of it.
 */
export class DeferError extends Error {
  readonly delayMs: number;

  constructor(reason: string, { delayMs, ...options }: DeferOptions) {
    super(reason, options);
    this.name = 'DeferError';
    this.delayMs = delayMs;
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
