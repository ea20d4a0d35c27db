/**
 * Callbacks that this service itself cannot send now: no entry of `callbacks.allow` opens their address, or our own system
 * refuses the connection. Nothing of them has failed: they are deferred until they can be sent, and no attempt is used up (ADR 25).
 */
import { DeferError, type Clock, type OwnFault } from '@task-center/engine';
import { GrowingPauses } from '@task-center/model';
import type { BlockedUrl } from './url-rules.ts';

/** How the reasons of such tasks begin. `isNotSent` recognizes them by it. */
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

/** Is told what becomes of callbacks. */
export interface NotSentListener {
  /** A callback could not be sent, and is deferred. */
  onDeferred(): void;
  /** Our own system refused a connection. */
  onRefused(fault: OwnFault): void;
  /** A connection was made. */
  onSent(): void;
}

/** Decides how long callbacks that cannot be sent now are deferred. */
export class NotSent {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #listener: NotSentListener;
  /** By address. */
  readonly #blocked = new GrowingPauses(PAUSES);
  /** By address and error code. */
  readonly #refused = new GrowingPauses(PAUSES);
  /** By error code, for what has run out. */
  readonly #lacks = new GrowingPauses(PAUSES);

  constructor(clock: Pick<Clock, 'monotonicMs'>, listener: NotSentListener) {
    this.#clock = clock;
    this.#listener = listener;
  }

  /** The rules do not allow the URL. */
  blocked(url: BlockedUrl): DeferError {
    return this.#defer(blockedReason(url), this.#blocked, url.target);
  }

  /** Our own system refused the connection to this URL. */
  refused(fault: OwnFault, url: string): DeferError {
    const { code, text, isLack } = fault;
    this.#listener.onRefused(fault);
    const reason = `${NOT_SENT}${code}): ${text}`;
    if (isLack) return this.#defer(reason, this.#lacks, code);
    return this.#defer(reason, this.#refused, `${code} ${new URL(url).origin}`);
  }

  /** A connection was made: nothing has run out any more. */
  onSent(): void {
    this.#lacks.clear();
    this.#listener.onSent();
  }

  /** Other addresses may be allowed now. */
  onRulesChanged(): void {
    this.#blocked.clear();
  }

  #defer(reason: string, pauses: GrowingPauses, key: string): DeferError {
    this.#listener.onDeferred();
    return new DeferError(reason, { delay: Math.round(pauses.next(key, this.#clock.monotonicMs())) });
  }
}
