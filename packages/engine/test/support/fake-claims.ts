import type { Claim, ClaimCall, ClaimRef, Claims } from '../../src/broker/claims.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import type { Clock } from '../../src/runtime/clock.ts';

type FakeClock = Pick<Clock, 'monotonicMs' | 'sleep'>;

/** The claims of a broker in memory, by the clock of those who call it. */
export class FakeClaims {
  readonly #clock: FakeClock;
  readonly #claims = new Map<string, ClaimRef & { readonly endMs: number }>();
  #lastToken = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** The holder of a claim now, and its token; undefined = nobody has it. */
  current(name: string): ClaimRef | undefined {
    const held = this.#claims.get(name);
    return held && held.endMs > this.#clock.monotonicMs() ? held : undefined;
  }

  take(name: string, { holder, ttlMs }: ClaimCall): Claim | null {
    const held = this.current(name);
    if (held && held.holder !== holder) return null;
    const token = held?.token ?? (this.#lastToken += 1);
    return { token, untilMs: this.write(name, { holder, token }, ttlMs) };
  }

  isHeldBy(name: string, { holder, token }: ClaimRef): boolean {
    const held = this.current(name);
    return held?.holder === holder && held.token === token;
  }

  release(name: string, claim: ClaimRef): boolean {
    return this.isHeldBy(name, claim) && this.#claims.delete(name);
  }

  write(name: string, claim: ClaimRef, ttlMs: number): number {
    const endMs = this.#clock.monotonicMs() + ttlMs;
    this.#claims.set(name, { ...claim, endMs });
    return endMs;
  }

  /** Gives a claim to somebody else, as a broker may that has lost its newest data. */
  steal(name: string, ttlMs: number): void {
    this.write(name, { holder: 'thief', token: (this.#lastToken += 1) }, ttlMs);
  }
}

/** One process's way to such a broker, which a test makes slow or cuts. */
export class FakeClaimsLink implements Claims {
  /** How long a call is under way before the broker handles it, and its reply afterwards, ms. */
  requestMs = 0;
  replyMs = 0;
  /** Whether requests fail. */
  isCut = false;
  readonly #broker: FakeClaims;
  readonly #clock: FakeClock;

  constructor(broker: FakeClaims, clock: FakeClock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  take(name: string, call: ClaimCall): Promise<Claim | null> {
    return this.#call(() => this.#broker.take(name, call));
  }

  renew(name: string, { ttlMs, ...claim }: ClaimCall & ClaimRef): Promise<boolean> {
    return this.#call(() => {
      const isHeld = this.#broker.isHeldBy(name, claim);
      if (isHeld) this.#broker.write(name, claim, ttlMs);
      return isHeld;
    });
  }

  release(name: string, claim: ClaimRef): Promise<boolean> {
    return this.#call(() => this.#broker.release(name, claim));
  }

  async #call<R>(handle: () => R): Promise<R> {
    const { requestMs, replyMs } = this;
    await this.#clock.sleep(requestMs);
    if (this.isCut) {
      const cause = 'planned error';
      throw new TaskCenterError('broker-unavailable', { broker: 'fake', outcome: 'not_stored', cause });
    }
    const reply = handle();
    await this.#clock.sleep(replyMs);
    return reply;
  }
}
