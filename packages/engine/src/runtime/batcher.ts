/** Calls made in one turn of the event loop, as one call. */
export interface Batcher<T, R> {
  /** Resolves to this item's own outcome; rejects when the whole call failed. */
  add(item: T): Promise<R>;
}

export interface BatcherDeps<T, R> {
  /** Takes a batch; resolves to one outcome per item, in order; an error is what its item alone rejects with. */
  run(items: readonly T[]): Promise<readonly (R | Error)[]>;
  /** Most items in a batch. */
  readonly maxItems: number;
  /** Most bytes in a batch; one item always fits. */
  readonly maxBytes: number;
  sizeOf(item: T): number;
  /** Most batches under way at once; what comes meanwhile waits and forms larger ones. */
  readonly maxInFlight: number;
  /**
   * The error of those who wait for their call when another one fails like this; null = none, they go on. Default:
   * they always go on.
   */
  waitersError?(error: unknown): unknown;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly size: number;
  resolve(outcome: R): void;
  reject(error: unknown): void;
}

function settle<R>({ resolve, reject }: Waiting<unknown, R>, outcome: R | Error): void {
  if (outcome instanceof Error) reject(outcome);
  else resolve(outcome);
}

/**
 * From so many on, what waits while nothing is under way goes out as two batches: callers who each wait for their own
 * outcome then keep one under way while the other's are told, so that caller and callee work at the same time.
 */
const MIN_TO_HALVE = 32;

type Bounds = Pick<BatcherDeps<unknown, unknown>, 'maxItems' | 'maxInFlight'>;

/** How many items to send of so many while nothing is under way. */
function firstShare({ maxItems, maxInFlight }: Bounds, waiting: number): number {
  const halved = maxInFlight > 1 && waiting >= MIN_TO_HALVE && waiting <= maxItems;
  return halved ? Math.ceil(waiting / 2) : maxItems;
}

/** How many of the first fit a batch. */
function fitting(waiting: readonly { readonly size: number }[], most: number, maxBytes: number): number {
  let bytes = 0;
  let count = 0;
  for (const { size } of waiting) {
    if (count > 0 && (count === most || bytes + size > maxBytes)) break;
    bytes += size;
    count += 1;
  }
  return count;
}

/** See `Batcher`. A batch ends at `maxItems` or `maxBytes`, whichever comes first (design D2). */
export function createBatcher<T, R>(deps: BatcherDeps<T, R>): Batcher<T, R> {
  let waiting: Waiting<T, R>[] = [];
  let inFlight = 0;
  let scheduled = false;

  function cut(most: number): Waiting<T, R>[] {
    const count = fitting(waiting, most, deps.maxBytes);
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  }

  function rejectWaiting(error: unknown): void {
    if (error === null) return;
    const all = waiting;
    waiting = [];
    for (const one of all) one.reject(error);
  }

  async function send(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const outcomes = await deps.run(batch.map(({ item }) => item));
      batch.forEach((one, i) => settle(one, outcomes[i] as R | Error));
    } catch (error) {
      for (const one of batch) one.reject(error);
      rejectWaiting(deps.waitersError?.(error) ?? null);
    }
    inFlight -= 1;
    flush();
  }

  function flush(): void {
    scheduled = false;
    while (waiting.length > 0 && inFlight < deps.maxInFlight) {
      const most = inFlight === 0 ? firstShare(deps, waiting.length) : deps.maxItems;
      inFlight += 1;
      void send(cut(most));
      // The other half when this one has been sent.
      if (most < deps.maxItems) return soon();
    }
  }

  function soon(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  return {
    add(item) {
      return new Promise<R>((resolve, reject) => {
        waiting.push({ item, size: deps.sizeOf(item), resolve, reject });
        soon();
      });
    },
  };
}
