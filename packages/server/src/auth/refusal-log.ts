import type { Runtime } from '@task-center/engine';

/** Why a sign-in was refused. The caller is not told: an attacker must not learn whether a key exists. */
export type SignInFault = 'no key' | 'not a key' | 'unknown key' | 'wrong secret' | 'expired or revoked';

const EVERY_MS = 1_000;

/** Logs sign-ins that failed: the first at once, then at most one line a second, with how many there were and why. */
export class RefusalLog {
  readonly #runtime: Pick<Runtime, 'clock' | 'log'>;
  readonly #counts = new Map<SignInFault, number>();
  /** The public ID of the last key that was refused. */
  #keyId: string | undefined;
  #isPaused = false;

  constructor(runtime: Pick<Runtime, 'clock' | 'log'>) {
    this.#runtime = runtime;
  }

  add(reason: SignInFault, keyId?: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    this.#keyId = keyId ?? this.#keyId;
    if (!this.#isPaused) this.#tell();
  }

  #tell(): void {
    this.#isPaused = this.#counts.size > 0;
    if (!this.#isPaused) return;
    const count = [...this.#counts.values()].reduce((sum, n) => sum + n, 0);
    const reason = [...this.#counts].map(([why, n]) => `${why}: ${n}`).join(', ');
    const fields = { count, reason, ...(this.#keyId !== undefined && { key_id: this.#keyId }) };
    this.#counts.clear();
    this.#keyId = undefined;
    this.#runtime.log.info(fields, 'sign-in failed');
    this.#runtime.clock.after(EVERY_MS, () => this.#tell()).unref();
  }
}
