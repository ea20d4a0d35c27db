/** Bounds of growing pauses, ms. */
export interface PauseBounds {
  readonly firstMs: number;
  readonly maxMs: number;
  /** A key that was not used for this time begins anew with the first pause. */
  readonly forgetMs: number;
}

/** The pause of a key. Times are those of any clock that does not go back. */
interface Pause {
  pauseMs: number;
  /** It grows at the first failure after this time: failures that come together make it grow once. */
  growsAtMs: number;
  metMs: number;
}

/** How many keys are remembered. Then the one that was used longest ago is forgotten. */
const MAX_KEYS = 10_000;

/** Pauses before something is tried again, by key. Each failure after a pause doubles it. */
export class GrowingPauses {
  readonly #bounds: PauseBounds;
  readonly #byKey = new Map<string, Pause>();

  constructor(bounds: PauseBounds) {
    this.#bounds = bounds;
  }

  /** The pause before the next try after a failure with this key, ms. */
  next(key: string, nowMs: number): number {
    const { firstMs, maxMs, forgetMs } = this.#bounds;
    let pause = this.#byKey.get(key);
    if (!pause || pause.metMs + forgetMs <= nowMs) {
      pause = { pauseMs: firstMs, growsAtMs: nowMs + firstMs, metMs: nowMs };
    } else if (pause.growsAtMs <= nowMs) {
      pause.pauseMs = Math.min(maxMs, 2 * pause.pauseMs);
      pause.growsAtMs = nowMs + pause.pauseMs;
    }
    pause.metMs = nowMs;
    this.#remember(key, pause);
    return pause.pauseMs;
  }

  /** The keys that were used within `forgetMs`, longest ago first. */
  keys(nowMs: number): string[] {
    for (const [key, { metMs }] of this.#byKey)
      if (metMs + this.#bounds.forgetMs <= nowMs) this.#byKey.delete(key);
    return [...this.#byKey.keys()];
  }

  /** Makes one key, or all of them, begin anew with the first pause. */
  clear(key?: string): void {
    if (key === undefined) this.#byKey.clear();
    else this.#byKey.delete(key);
  }

  #remember(key: string, pause: Pause): void {
    this.#byKey.delete(key);
    this.#byKey.set(key, pause);
    if (this.#byKey.size <= MAX_KEYS) return;
    const [oldest] = this.#byKey.keys();
    if (oldest !== undefined) this.#byKey.delete(oldest);
  }
}
