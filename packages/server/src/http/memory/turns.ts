/** Makes work that takes much memory wait for other such work. All of it at once would take gigabytes. */
import type { Clock } from '@task-center/engine';
import { overloaded } from '../../problem.ts';

/** Work that has waited this long is refused, ms. */
const MAX_WAIT_MS = 5_000;

/** How much memory all work of one kind may take together. */
export interface TurnsOptions {
  readonly clock: Pick<Clock, 'after'>;
  readonly maxBytes: number;
  /** What there are too many of, in words: `large batches`. */
  readonly what: string;
}

interface Waiting {
  readonly bytes: number;
  begin(): void;
}

/** The turns of one kind of work. */
export class Turns {
  readonly #options: TurnsOptions;
  #free: number;
  readonly #waiting = new Set<Waiting>();

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#free = options.maxBytes;
  }

  /**
   * Runs `work` when there is room.
   *
   * @throws ProblemError `overloaded`: there was no room within 5 s, and nothing was stored
   */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    // Work that needs more than the limit waits until it is alone.
    const room = Math.min(bytes, this.#options.maxBytes);
    if (this.#waiting.size > 0 || room > this.#free) await this.#wait(room);
    else this.#free -= room;
    try {
      return await work();
    } finally {
      this.#free += room;
      this.#beginNext();
    }
  }

  #wait(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        bytes,
        begin: () => {
          timer.cancel();
          resolve();
        },
      };
      const timer = this.#options.clock.after(MAX_WAIT_MS, () => {
        this.#waiting.delete(waiting);
        this.#beginNext();
        reject(overloaded(`There are too many ${this.#options.what} at once.`));
      });
      this.#waiting.add(waiting);
    });
  }

  #beginNext(): void {
    for (const next of this.#waiting) {
      if (next.bytes > this.#free) return;
      this.#waiting.delete(next);
      this.#free -= next.bytes;
      next.begin();
    }
  }
}
