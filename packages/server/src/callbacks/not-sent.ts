/**
 * Callbacks that this service itself cannot send now: no entry of `callbacks.allow` opens their address, or our own system
 * refuses the connection. Nothing of them has failed: they are deferred at no attempt, until they work (ADR 25).
 */
import { DeferError, type Clock, type OwnFault } from '@task-center/engine';
import { GrowingPauses } from '@task-center/model';
import type { BlockedUrl } from './url-rules.ts';

/** How the reasons of such tasks begin: they are found by it. */
const NOT_SENT = 'not sent (';

/** Longest pause. `waiting-callbacks.ts` looks for these tasks among those that are due by then. */
export const MAX_PAUSE_MS = 300_000;
const PAUSES = { firstMs: 1_000, maxMs: MAX_PAUSE_MS, forgetMs: 2 * MAX_PAUSE_MS };
/** The engine keeps no more of a reason. */
const MAX_REASON_LENGTH = 200;

/** Whether a task waits because this service could not send it. */
export const isNotSent = (waitingFor: string | null): boolean => waitingFor?.startsWith(NOT_SENT) ?? false;

function blockedReason({ target, entry }: BlockedUrl): string {
  const why = `${NOT_SENT}blocked_address): no entry of callbacks.allow matches ${target}`;
  const withAdvice = `${why}; to allow it, add ${entry}`;
  return withAdvice.length <= MAX_REASON_LENGTH ? withAdvice : why;
}

/** Decides how long callbacks wait that cannot be sent. */
export class NotSent {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #onDeferred: (reason: string) => void;
  /** By address. */
  readonly #blocked = new GrowingPauses(PAUSES);
  /** By error code. */
  readonly #refused = new GrowingPauses(PAUSES);

  /** @param onDeferred called for each callback that could not be sent */
  constructor(clock: Pick<Clock, 'monotonicMs'>, onDeferred: (reason: string) => void) {
    this.#clock = clock;
    this.#onDeferred = onDeferred;
  }

  /** The rules do not allow the URL. */
  blocked(url: BlockedUrl): DeferError {
    return this.#defer(blockedReason(url), this.#blocked, url.target);
  }

  /** Our own system refused the connection. */
  refused({ code, text }: OwnFault): DeferError {
    return this.#defer(`${NOT_SENT}${code}): ${text}`, this.#refused, code);
  }

  /** A callback was sent: our own system works again. */
  onSent(): void {
    this.#refused.clear();
  }

  /** Other addresses may be allowed now. */
  onRulesChanged(): void {
    this.#blocked.clear();
  }

  #defer(reason: string, pauses: GrowingPauses, key: string): DeferError {
    this.#onDeferred(reason);
    return new DeferError(reason, { delayMs: pauses.next(key, this.#clock.monotonicMs()) });
  }
}
