import { receiptsKey } from '../../../protocol/keys.ts';

/** Calls with one receipt hash that may be under way at once (data model, `rc`). */
const SLOTS = 16;
/** Callers in line for a queue's slots; more are refused at once: they would only wait in vain. */
const MAX_WAITING = 10_000;

/**
 * A call's place for its outcome in Redis: a repeat of the call finds it there and gets the same answer. A script
 * that finds a higher sequence in the slot is a late duplicate and must do nothing.
 */
export interface Receipt {
  /** `tc:{q}:rc:<client>` */
  readonly key: string;
  /** 0 to 15. */
  readonly slot: number;
  /** Grows with every receipt of this client, from 1. */
  readonly sequence: number;
  /** Gives the slot to the next call. May be called twice. */
  release(): void;
}

export interface Receipts {
  /**
   * A receipt of this queue; a promise of one while all its slots are in use, first come, first served. Asked
   * before it waits, `limit` says when it gives up: then it rejects with the signal's reason. It rejects at once while
   * 10,000 are in line.
   */
  take(queue: string, limit?: () => AbortSignal): Receipt | Promise<Receipt>;
}

interface Slots {
  /** Bit n is set while slot n is in use. */
  used: number;
  /** First come, first served; whoever gives up leaves without a search. */
  readonly waiting: Set<(receipt: Receipt) => void>;
}

const ALL_USED = 2 ** SLOTS - 1;

/** The lowest free slot: so slot 0, whose use renews the hash's expiry, is the one used most. */
function lowestFree(used: number): number {
  return 31 - Math.clz32(~used & (used + 1));
}

/** Waits in line until it is called or gives up. */
function inLine({ waiting }: Slots, limit?: () => AbortSignal): Promise<Receipt> {
  if (waiting.size >= MAX_WAITING) return Promise.reject(new Error('too many are in line'));
  const signal = limit?.();
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const called = (receipt: Receipt): void => {
      signal?.removeEventListener('abort', leave);
      resolve(receipt);
    };
    const leave = (): void => {
      waiting.delete(called);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', leave, { once: true });
    waiting.add(called);
  });
}

/** Receipts of one client: a name that no other client has, in `[A-Za-z0-9_-]`. */
export function createReceipts(client: string): Receipts {
  const queues = new Map<string, Slots>();
  let sequence = 0;

  function receiptOf(queue: string, slots: Slots, slot: number): Receipt {
    let released = false;
    sequence += 1;
    return {
      key: receiptsKey(queue, client),
      slot,
      sequence,
      release() {
        if (released) return;
        released = true;
        for (const next of slots.waiting) {
          slots.waiting.delete(next);
          return next(receiptOf(queue, slots, slot));
        }
        slots.used &= ~(1 << slot);
        if (slots.used === 0) queues.delete(queue);
      },
    };
  }

  return {
    take(queue, limit) {
      let slots = queues.get(queue);
      if (!slots) queues.set(queue, (slots = { used: 0, waiting: new Set() }));
      const { used } = slots;
      if (used === ALL_USED) return inLine(slots, limit);
      const slot = lowestFree(used);
      slots.used |= 1 << slot;
      return receiptOf(queue, slots, slot);
    },
  };
}
