/**
 * Lets batches that `defaults` make large wait for one another: their bodies are small, and all of them at once would take
 * gigabytes.
 */
import type { Clock } from '@task-center/engine';
import { ProblemError } from '../../problem.ts';

/** Bytes of payloads that are stored at a time. */
const MAX_STORED_BYTES = 32 * 1_024 * 1_024;
/** A batch that has waited this long is refused, ms. */
const MAX_WAIT_MS = 5_000;

interface Waiting {
  readonly bytes: number;
  begin(): void;
}

/** The turns of a process. */
export class BatchTurns {
  readonly #clock: Pick<Clock, 'after'>;
  #free = MAX_STORED_BYTES;
  readonly #waiting = new Set<Waiting>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /**
   * Runs `store` when there is room.
   *
   * @throws ProblemError `overloaded`: there was none in time, and nothing was stored
   */
  async run<T>(bytes: number, store: () => Promise<T>): Promise<T> {
    // One that needs more than all of the room waits for all of it.
    const room = Math.min(bytes, MAX_STORED_BYTES);
    if (this.#waiting.size > 0 || room > this.#free) await this.#wait(room);
    else this.#free -= room;
    try {
      return await store();
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
      const timer = this.#clock.after(MAX_WAIT_MS, () => {
        this.#waiting.delete(waiting);
        this.#beginNext();
        reject(tooMany());
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

const tooMany = () =>
  new ProblemError(
    'overloaded',
    'Too many large batches are being stored. Nothing was stored; try again in a moment.',
    { extra: { outcome: 'not_stored' }, headers: { 'retry-after': '1' } },
  );
