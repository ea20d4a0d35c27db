import { parseDuration, type Duration, type FailureHints } from '@task-center/model';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { anyValue, lengthOfTime } from '../checks/values.ts';
import { causeIn, shown } from './task-center-error.ts';

/** What a failure says about the retry. */
export interface HandlerErrorHints extends Omit<FailureHints, 'retryAfterMs'> {
  /**
   * Shortest delay before the retry; a longer one of the task's backoff wins. At most a day. Default 0. What is no duration
   * counts as 0, and the reason that is kept with the attempt says so: the failure itself must not get lost.
   */
  readonly retryAfter?: Duration;
}

/** Names only: a value that a handler computes wrongly must not hide why it failed. */
const checkHints = createOptionsCheck<HandlerErrorHints>('HandlerError', {
  retryable: anyValue,
  retryAfter: anyValue,
  errorClass: anyValue,
  status: anyValue,
  reason: anyValue,
  isLogged: anyValue,
});

/** The policy of retries quotes what is no number: a text that is no duration stays as it is. */
const retryAfterMs = (given: Duration): number =>
  typeof given === 'string' ? (parseDuration(given) ?? (given as unknown as number)) : given;

/** Whatever a handler gives as the text of its error: it must not hide why the attempt failed. */
const messageText = (message: unknown): string => (typeof message === 'string' ? message : shown(message));

/** A failed attempt with hints. Throw it from a handler. */
export class HandlerError extends Error {
  readonly hints: FailureHints;

  /** @throws TaskCenterError `invalid-value`: there is no such hint */
  constructor(message: string, given: HandlerErrorHints = {}, options?: ErrorOptions) {
    super(messageText(message), causeIn(options));
    const { retryAfter, ...hints } = checkHints(given, 'hints');
    this.name = 'HandlerError';
    this.hints = retryAfter === undefined ? hints : { ...hints, retryAfterMs: retryAfterMs(retryAfter) };
  }
}

/** How a task is deferred. */
export interface DeferOptions extends ErrorOptions {
  /** After this time the task is due again. A task with a deadline is due by its deadline at the latest. */
  readonly delay: Duration;
}

const checkDeferral = createOptionsCheck<DeferOptions>('DeferError', {
  delay: required(lengthOfTime),
  cause: anyValue,
});

/**
 * The task cannot run now, and nothing of it has failed. Throw it from a handler: the task is given back without using up an attempt, and is
 * due after a pause. The reason is shown with the task until it is taken again, at most 200 characters of it.
 */
export class DeferError extends Error {
  readonly delayMs: number;

  /** @throws TaskCenterError `invalid-value` */
  constructor(reason: string, options: DeferOptions) {
    super(messageText(reason), causeIn(checkDeferral(options)));
    this.name = 'DeferError';
    this.delayMs = durationMs(options.delay, 'delay');
  }
}

/**
 * Removes the task (Asynq's RevokeTask). Throw it from a handler: the task counts as processed, not as failed, and nothing
 * of it is kept, whatever its retention.
 */
export class RevokeError extends Error {
  constructor(message = 'revoke task', options?: ErrorOptions) {
    super(messageText(message), causeIn(options));
    this.name = 'RevokeError';
  }
}

/** A failure that another attempt cannot fix (Asynq's SkipRetry). Throw it from a handler: the task is archived at once. */
export class NonRetryableError extends Error {
  readonly hints: FailureHints = { retryable: false };

  constructor(message: string, options?: ErrorOptions) {
    super(messageText(message), causeIn(options));
    this.name = 'NonRetryableError';
  }
}
