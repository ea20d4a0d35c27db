import type { Clock, OwnFault } from '@task-center/engine';

/** Time between two changes. */
const STEP_MS = 1_000;

export interface OwnLimitDeps {
  /** The limit while nothing has run out. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

/** Whether the fault would be rarer with fewer callbacks at once. */
const isForWantOf = ({ code, isLack }: OwnFault): boolean => isLack || code === 'EADDRNOTAVAIL';

/**
 * How many callbacks this process can have under way. When something has run out, such as file descriptors, the limit becomes half
 * of what was under way. It grows by one after each second in which a connection was made.
 */
export class OwnLimit {
  readonly #deps: OwnLimitDeps;
  readonly #onGrown: () => void;
  #current: number;
  #halvedMs = -Infinity;
  #hasWorked = false;
  #timer: ReturnType<Clock['after']> | undefined;

  constructor(deps: OwnLimitDeps, onGrown: () => void) {
    this.#deps = deps;
    this.#onGrown = onGrown;
    this.#current = deps.concurrency;
  }

  get current(): number {
    return this.#current;
  }

  /** The part of other slots that corresponds to the limit, at least one. */
  shareOf(slots: number): number {
    return Math.ceil((slots * this.#current) / this.#deps.concurrency);
  }

  /** Many callbacks meet a lack at the same time: it counts once. */
  onLack(fault: OwnFault, underWay: number): void {
    const nowMs = this.#deps.clock.monotonicMs();
    this.#hasWorked = false;
    if (!isForWantOf(fault) || nowMs - this.#halvedMs < STEP_MS) return;
    this.#halvedMs = nowMs;
    this.#current = Math.max(1, Math.floor(Math.min(this.#current, underWay) / 2));
    this.#timer ??= this.#deps.clock.after(STEP_MS, () => this.#grow());
  }

  onSent(): void {
    this.#hasWorked = true;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #grow(): void {
    this.#timer = undefined;
    const hasWorked = this.#hasWorked;
    this.#hasWorked = false;
    if (hasWorked) this.#current += 1;
    if (this.#current < this.#deps.concurrency)
      this.#timer = this.#deps.clock.after(STEP_MS, () => this.#grow());
    if (hasWorked) this.#onGrown();
  }
}
