import { rejectNamingCaller } from '../errors/caller-line.ts';
import { countFitting } from './chunk.ts';

export interface BatcherDeps<T, R> {
  /** Runs a batch. Resolves to one outcome per item, in order; an item whose outcome is an error rejects with it. */
  run(items: readonly T[]): Promise<readonly (R | Error)[]>;
  /** Most items in a batch. */
  readonly maxItems: number;
  /** Most bytes in a batch; one item always fits. */
  readonly maxBytes: number;
  sizeOf(item: T): number;
  /** Most batches under way at once. Items that come meanwhile wait, and form larger batches. */
  readonly maxInFlight: number;
  /**
   * Called with the error of a failed batch, or with its first one if each item has an error. Returns the error with which all waiting items reject, or null if they
   * should be sent as usual. Default: they are sent.
   */
  errorForWaiting?(error: unknown): unknown;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly size: number;
  resolve(outcome: R | Promise<never>): void;
}

function settle<R>({ resolve }: Waiting<unknown, R>, outcome: R | Error): void {
  resolve(outcome instanceof Error ? rejectNamingCaller(outcome) : outcome);
}

function failAll(items: readonly Waiting<unknown, never>[], error: unknown): void {
  for (const { resolve } of items) resolve(rejectNamingCaller(error));
}

/**
 * From this number of items on, an idle batcher sends them as two batches. Callers often wait for their outcome before
 * they add the next item. With two batches the broker works on one while the callers of the other prepare their next
 * items.
 */
const MIN_TO_HALVE = 32;

const sizeOfWaiting = ({ size }: { readonly size: number }) => size;

type Bounds = Pick<BatcherDeps<unknown, unknown>, 'maxItems' | 'maxInFlight'>;

/** Most items in the next batch, while no batch is under way. */
function firstBatchSize({ maxItems, maxInFlight }: Bounds, waiting: number): number {
  const halved = maxInFlight > 1 && waiting >= MIN_TO_HALVE && waiting <= maxItems;
  return halved ? Math.ceil(waiting / 2) : maxItems;
}

/**
 * Combines calls for single items, made in the same turn of the event loop, into one call for a batch. A batch ends at
 * `maxItems` or `maxBytes`, whichever comes first. This bounds the memory and the time of a call:
 * docs/design/engine.md#batches.
 */
export class Batcher<T, R> {
  readonly #deps: BatcherDeps<T, R>;
  #waiting: Waiting<T, R>[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(deps: BatcherDeps<T, R>) {
    this.#deps = deps;
  }

  /** Resolves to this item's own outcome; rejects when the whole call failed. */
  add(item: T): Promise<R> {
    return new Promise<R>((resolve) => {
      this.#waiting.push({ item, size: this.#deps.sizeOf(item), resolve });
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    const deps = this.#deps;
    while (this.#waiting.length > 0 && this.#inFlight < deps.maxInFlight) {
      const maxItems = this.#inFlight === 0 ? firstBatchSize(deps, this.#waiting.length) : deps.maxItems;
      this.#inFlight += 1;
      void this.#send(this.#takeBatch(maxItems));
      // The other half follows once this one has been sent.
      if (maxItems < deps.maxItems) return this.#flushSoon();
    }
  };

  #takeBatch(maxItems: number): Waiting<T, R>[] {
    const bounds = { maxItems, maxBytes: this.#deps.maxBytes };
    const count = countFitting(this.#waiting, bounds, sizeOfWaiting);
    const batch = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return batch;
  }

  async #send(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await this.#deps.run(batch.map(({ item }) => item));
      batch.forEach((item, i) => settle(item, outcomes[i] as R | Error));
      if (outcomes.every((outcome) => outcome instanceof Error)) this.#failWaiting(outcomes[0]);
    } catch (error) {
      failAll(batch, error);
      this.#failWaiting(error);
    }
    this.#inFlight -= 1;
    this.#flush();
  }

  #failWaiting(cause: unknown): void {
    const error = this.#deps.errorForWaiting?.(cause) ?? null;
    if (error === null) return;
    const rejected = this.#waiting;
    this.#waiting = [];
    failAll(rejected, error);
  }
}
