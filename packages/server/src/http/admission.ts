import { ProblemError } from '../problem.ts';

const RETRY = { 'retry-after': '1' };

/** Requests that are worked on at once: those beyond are refused early, so that the others end soon. */
export class Admission {
  readonly #most: number;
  #busy = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws ProblemError `overloaded` */
  check(): void {
    if (this.#busy < this.#most) return;
    throw new ProblemError(
      'overloaded',
      `${this.#most} requests are under way. Nothing was stored; try again in a moment.`,
      { headers: RETRY },
    );
  }

  /** @throws ProblemError `overloaded` */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }
}
