/** Bounds the load: beyond a number of requests at once, new ones are refused with 503 and Retry-After. */
import { overloaded } from '../problem.ts';

/** Counts the requests in progress. Refusing early keeps the accepted ones fast. */
export class Admission {
  readonly #max: number;
  #inProgress = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Refuses a request without counting it.
   *
   * @throws ProblemError `overloaded`
   */
  check(): void {
    if (this.#inProgress < this.#max) return;
    throw overloaded(`${this.#max} requests are in progress.`);
  }

  /**
   * Runs `work` and counts it until it ends.
   *
   * @throws ProblemError `overloaded`
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.check();
    this.#inProgress += 1;
    try {
      return await work();
    } finally {
      this.#inProgress -= 1;
    }
  }
}
