import type { Clock } from './clock.ts';

/** Something that works in the background for ever, step by step. */
export interface WatchedLoop {
  readonly name: string;
  /** Longest time that a step of it may take, ms. */
  readonly maxStepMs: number;
  /** How long it has been at its present step, ms; 0 = it waits for the next one. */
  stepMs(): number;
}

/** A loop as it is now. */
export interface LoopState {
  readonly name: string;
  readonly stepMs: number;
  /** Its step takes longer than it may. */
  readonly isHanging: boolean;
}

/**
 * Knows the loops that run, and which of them hang. A loop costs nothing by being watched: it is asked when somebody asks for the
 * states.
 */
export class LoopWatch {
  readonly #loops = new Set<WatchedLoop>();

  /** Watches a loop that has started. Returns what ends that. */
  add(loop: WatchedLoop): () => void {
    this.#loops.add(loop);
    return () => void this.#loops.delete(loop);
  }

  /** All that run, in the order of their starts. Several may have one name, such as those of two workers. */
  states(): LoopState[] {
    return [...this.#loops].map((loop) => {
      const stepMs = loop.stepMs();
      return { name: loop.name, stepMs, isHanging: stepMs > loop.maxStepMs };
    });
  }
}

/** Times steps that may run at the same time: the oldest counts. */
export class StepTimes {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** When each step under way began, oldest first. */
  readonly #began = new Set<{ readonly ms: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** A step begins. Returns what ends it. */
  begin(): () => void {
    const began = { ms: this.#clock.monotonicMs() };
    this.#began.add(began);
    return () => void this.#began.delete(began);
  }

  /** Age of the oldest step under way, ms; 0 = there is none. */
  oldestMs(): number {
    for (const { ms } of this.#began) return this.#clock.monotonicMs() - ms;
    return 0;
  }
}
