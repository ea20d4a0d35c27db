import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { UnorderedSet } from '../../../runtime/unordered-set.ts';
import type { Call } from './call.ts';
import { causeOf, isAccessError, refusalError } from './error-replies.ts';
import { createTicker, type Ticker } from './ticker.ts';

/** How long an aborted call may still wait for a reply that is on its way. */
const ABORT_GRACE_MS = 1_000;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 500;

export interface RetriesDeps {
  /** Name of the broker, for errors. */
  readonly broker: string;
  readonly runtime: Runtime;
  /** Sends a call again, after its backoff. */
  resend(call: Call): void;
  /** Why the call's node is out of reach; null = no such reason is known. */
  connectionCauseOf(call: Call): string | null;
  /** Some calls have reached their deadline: they must leave every list of waiting calls. */
  onExpired(): void;
}

/** The error of a call that did not get through. `not_stored`: it certainly had no effect. */
export function unavailableError(
  broker: string,
  cause: string,
  outcome: 'not_stored' | 'unknown' = 'not_stored',
): TaskCenterError {
  return new TaskCenterError('broker-unavailable', { broker, outcome, cause });
}

export function closedError(broker: string): TaskCenterError {
  return new TaskCenterError('broker-closed', { broker });
}

/** Ms before attempt `n` + 1: grows from 20 ms to 500 ms, less a random share of up to one half. */
export function backoffMs(n: number, random: () => number): number {
  const maxMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(n - 1, 10));
  return maxMs * (0.5 + random() / 2);
}

/**
 * Calls that have no outcome yet: bounds their time, spaces their attempts, and ends them. Every call ends exactly
 * once; what comes later is ignored.
 */
export class Retries {
  readonly #deps: RetriesDeps;
  readonly #open = new UnorderedSet<Call>();
  readonly #ticker: Ticker;

  constructor(deps: RetriesDeps) {
    this.#deps = deps;
    this.#ticker = createTicker(deps.runtime.clock, (awakeMs) => this.#tick(awakeMs));
  }

  /** Name of the broker, for errors. */
  get broker(): string {
    return this.#deps.broker;
  }

  /** Calls without an outcome. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether calls wait, and each of them for a node that is out of reach. */
  get areStuck(): boolean {
    return this.size > 0 && this.#open.list().every((call) => this.#deps.connectionCauseOf(call) !== null);
  }

  isOpen(call: Call): boolean {
    return this.#open.has(call);
  }

  add(call: Call): void {
    this.#open.add(call);
    this.#ticker.start();
  }

  resolve(call: Call, reply: unknown): void {
    if (this.#settle(call)) call.resolve(reply);
  }

  reject(call: Call, error: unknown): void {
    if (this.#settle(call)) call.reject(error);
  }

  /**
   * Ends a call with the server's error reply. A call in doubt whose user was refused is repeated until its deadline
   * instead: the refusal says nothing about the first attempt, which may have been carried out.
   */
  refuse(call: Call, reply: Error): void {
    if (call.inDoubt && isAccessError(reply)) this.backOff(call, causeOf(reply));
    else this.reject(call, refusalError(this.#deps.broker, reply));
  }

  /** Sends the call again after a pause that grows with each backoff. */
  backOff(call: Call, cause: string): void {
    const { runtime, resend } = this.#deps;
    call.cause = cause;
    call.backoffs += 1;
    const ms = backoffMs(call.backoffs, runtime.random);
    call.backoffTimer = runtime.clock.after(ms, () => resend(call));
  }

  /** Rejects every open call with `broker-closed`. */
  close(): void {
    this.#ticker.stop();
    for (const call of this.#open.list()) this.reject(call, closedError(this.#deps.broker));
  }

  /** False = the call has ended already. */
  #settle(call: Call): boolean {
    call.backoffTimer?.cancel();
    return this.#open.delete(call);
  }

  #tick(awakeMs: number): void {
    if (this.#open.size === 0) return this.#ticker.stop();
    let hasExpired = false;
    for (const call of this.#open.list()) {
      if (call.signal?.aborted) call.leftMs = call.isSent ? Math.min(call.leftMs, ABORT_GRACE_MS) : 0;
      call.leftMs -= awakeMs;
      if (call.leftMs > 0) continue;
      hasExpired = true;
      this.reject(call, this.#timeoutError(call));
    }
    if (hasExpired) this.#deps.onExpired();
  }

  /** What Redis gave as the reason counts also while another attempt is under way. */
  #timeoutError(call: Call): TaskCenterError {
    const { broker, connectionCauseOf } = this.#deps;
    const known = call.cause ?? (call.isSent ? null : connectionCauseOf(call));
    return unavailableError(
      broker,
      known ?? 'no answer in time',
      call.isSent || call.inDoubt ? 'unknown' : 'not_stored',
    );
  }
}
