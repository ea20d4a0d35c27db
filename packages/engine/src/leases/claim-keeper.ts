import type { Claims } from '../broker/claims.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { newIdentity } from '../runtime/identity.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { within } from '../runtime/within.ts';
import { CLAIM_MS, renewEveryMs, trustMs } from './lease-times.ts';

/** A failed call is followed by another one after this time, or sooner where claims are short. */
const TRY_AGAIN_MS = 1_000;
/** How long `stop` waits for the broker. A claim that is not released ends by itself. */
const MAX_RELEASE_MS = 1_000;
/** Those who wait for a claim ask as often as its holder renews it, but not all at once: by chance up to this part earlier or later. */
const WAIT_SPREAD = 0.25;

/** A claim that this process has. */
export interface HeldClaim {
  /** Fences what is written under the claim. */
  readonly token: number;
  /** Aborts when the claim is lost or given up. */
  readonly signal: AbortSignal;
  /**
   * Whether it may be trusted now. A process that stood still learns here that its claim is over, before its timers can tell.
   * Ask before each write that another instance must not make as well.
   */
  isHeld(): boolean;
}

/** A claim as its keeper has it. */
class KeptClaim implements HeldClaim {
  readonly token: number;
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  readonly #over = new AbortController();
  #untilMs = -Infinity;
  #timer: Timer | undefined;

  constructor(token: number, clock: Clock, onExpired: () => void) {
    this.token = token;
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  isHeld(): boolean {
    if (!this.signal.aborted && this.#clock.monotonicMs() >= this.#untilMs) this.#expire();
    return !this.signal.aborted;
  }

  /** It may be trusted until then, monotonic. One that has ended stays so. */
  trustUntil(untilMs: number): void {
    if (this.signal.aborted) return;
    this.#untilMs = untilMs;
    this.#timer?.cancel();
    const restMs = Math.max(0, untilMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.after(restMs, () => this.#expire()).unref();
  }

  end(): void {
    this.#timer?.cancel();
    this.#over.abort();
  }

  #expire(): void {
    this.end();
    this.#onExpired();
  }
}

export interface ClaimKeeperDeps {
  readonly claims: Claims;
  /** The claim's name. */
  readonly claim: string;
  /** Default 15 s. */
  readonly claimMs?: number | undefined;
  readonly runtime: Runtime;
  /** Called when the claim was taken. Must not throw. */
  onTaken(): void;
}

/**
 * Tries to take a claim, renews it, and takes it again when it was lost, until it is stopped. Errors of the broker never come
 * out of it: they are logged, and the next try follows.
 *
 * A claim is trusted from the start of the call that took or renewed it, on the monotonic clock, and a little shorter than the broker
 * counts. So it is over here before the broker gives it to another instance, also while the broker is out of reach.
 */
export class ClaimKeeper {
  readonly #deps: ClaimKeeperDeps;
  readonly #holder: string;
  readonly #claimMs: number;
  readonly #loop: Loop;
  #kept: KeptClaim | null = null;
  /** Of the claim that the broker may have for this keeper; null = none. */
  #token: number | null = null;

  constructor(deps: ClaimKeeperDeps) {
    const { runtime, claim, claimMs = CLAIM_MS } = deps;
    this.#deps = deps;
    this.#claimMs = claimMs;
    this.#holder = newIdentity(runtime).name;
    this.#loop = createLoop({
      name: `claim ${claim}`,
      runtime,
      step: (stopping) => (this.#kept?.isHeld() ? this.#renew(this.#kept) : this.#take(stopping)),
      failureMs: Math.min(TRY_AGAIN_MS, renewEveryMs(claimMs)),
    });
  }

  /** The claim; null = this process does not have it now. */
  get held(): HeldClaim | null {
    return this.#kept?.isHeld() ? this.#kept : null;
  }

  start(): void {
    this.#loop.start();
  }

  /** Gives the claim up: at once here, and as soon as it can be told in the broker. Resolves within a second. */
  async stop(): Promise<void> {
    this.#kept?.end();
    await within(this.#deps.runtime.clock, MAX_RELEASE_MS, () =>
      this.#loop.stop().then(() => this.#release()),
    );
  }

  /** Each of the two resolves to the time until the next step, ms. */
  async #renew(kept: KeptClaim): Promise<number> {
    const { claims, claim, runtime } = this.#deps;
    const sinceMs = runtime.clock.monotonicMs();
    const call = { holder: this.#holder, token: kept.token, ttlMs: this.#claimMs };
    if (await claims.renew(claim, call)) {
      kept.trustUntil(sinceMs + trustMs(this.#claimMs));
      return this.#untilRenewalMs(sinceMs);
    }
    this.#token = null;
    if (kept.isHeld()) {
      kept.end();
      this.#tellLost(kept, 'the broker no longer has it');
    }
    return 0;
  }

  async #take(stopping: AbortSignal): Promise<number> {
    const { claims, claim, runtime, onTaken } = this.#deps;
    const sinceMs = runtime.clock.monotonicMs();
    const taken = await claims.take(claim, { holder: this.#holder, ttlMs: this.#claimMs });
    if (taken === null) {
      this.#token = null;
      return renewEveryMs(this.#claimMs) * (1 + WAIT_SPREAD * (2 * runtime.random() - 1));
    }
    const { token } = taken;
    this.#token = token;
    const untilMs = sinceMs + trustMs(this.#claimMs);
    // A reply that took this long says nothing of now: another call renews the claim.
    if (stopping.aborted || untilMs <= runtime.clock.monotonicMs()) return 0;
    const kept = new KeptClaim(token, runtime.clock, () =>
      this.#tellLost(kept, 'it was not renewed in time'),
    );
    kept.trustUntil(untilMs);
    this.#kept = kept;
    onTaken();
    return this.#untilRenewalMs(sinceMs);
  }

  /** Counted from the start of the last call: slow answers must not make renewals rare. */
  #untilRenewalMs(sinceMs: number): number {
    return Math.max(0, sinceMs + renewEveryMs(this.#claimMs) - this.#deps.runtime.clock.monotonicMs());
  }

  #tellLost({ token }: KeptClaim, cause: string): void {
    const { claim, runtime } = this.#deps;
    runtime.log.warn(
      { claim, token, cause },
      'a claim is lost: its work stops until an instance has it again',
    );
  }

  async #release(): Promise<void> {
    const { claims, claim, runtime } = this.#deps;
    const token = this.#token;
    this.#token = null;
    if (token === null) return;
    try {
      await claims.release(claim, { holder: this.#holder, token });
    } catch (error) {
      runtime.log.info({ claim, err: error }, 'a claim could not be released; it ends by itself');
    }
  }
}
