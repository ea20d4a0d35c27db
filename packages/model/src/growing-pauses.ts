/** Bounds of the pauses after which something is tried again, ms. */
export interface PauseBounds {
  readonly firstMs: number;
  readonly maxMs: number;
  /** What was not met for this time begins anew. */
  readonly forgetMs: number;
}

/** Times are of any clock that does not go back. */
interface Pause {
  pauseMs: number;
  /** When it grows: once for all that come back together, not once for each. */
  growsAtMs: number;
  metMs: number;
}

/** Keys that are remembered. Beyond them the one that was met longest ago is forgotten. */
const MAX_KEYS = 10_000;

/** Pauses that double each time when what was put off comes back in vain, by key. */
export class GrowingPauses {
  readonly #bounds: PauseBounds;
  readonly #byKey = new Map<string, Pause>();

  constructor(bounds: PauseBounds) {
    this.#bounds = bounds;
  }

  /** The pause for something of this key that has come in vain, ms. */
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

  /** The keys that were met lately, longest ago first. */
  keys(nowMs: number): string[] {
    for (const [key, { metMs }] of this.#byKey)
      if (metMs + this.#bounds.forgetMs <= nowMs) this.#byKey.delete(key);
    return [...this.#byKey.keys()];
  }

  /** All begin anew, or those of one key. */
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
