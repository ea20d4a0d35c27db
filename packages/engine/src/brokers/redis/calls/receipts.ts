import { receiptsKey } from '../../../protocol/keys.ts';

/** Slots of a receipt hash: the calls of one client to one queue that may be under way at once. */
const RECEIPT_SLOTS = 16;
/** Callers that wait for a slot of one queue; more are refused at once, because they would only time out. */
const MAX_WAITING = 10_000;

/**
 * Where a call stores its outcome in Redis. When the call is repeated because its reply was lost, the script finds the
 * outcome and answers the same. A script that finds a higher sequence in the slot is a late duplicate and must do nothing
 * (docs/design/engine.md#receipts).
 */
export interface Receipt {
  /** The receipt hash, `tc:{q}:rc:<client>`. */
  readonly key: string;
  /** 0 to 15. */
  readonly slot: number;
  /** Grows with every receipt of this client, from 1. */
  readonly sequence: number;
  /** Frees the slot for the next call. May be called twice. */
  release(): void;
}

export interface Receipts {
  /**
   * Takes a free slot of the queue's hash. While all slots are in use it returns a promise instead; callers are served in
   * their order. `limit` is called only before such a wait: when its signal aborts, the promise rejects with the signal's
   * reason. The promise rejects at once while 10,000 callers wait.
   */
  take(queue: string, limit?: () => AbortSignal): Receipt | Promise<Receipt>;
}

/** The slots of one queue. */
interface Slots {
  /** Bit n is set while slot n is in use. */
  used: number;
  /** Callers in their order; a set, because a caller that gives up is removed from the middle. */
  readonly waiting: Set<(receipt: Receipt) => void>;
}

const ALL_USED = 2 ** RECEIPT_SLOTS - 1;

/** The lowest free slot. Slot 0 must be used most: its use renews the hash's expiry. */
function lowestFree(used: number): number {
  return 31 - Math.clz32(~used & (used + 1));
}

/** Waits until a slot is free or the caller gives up. */
function waitForSlot({ waiting }: Slots, limit?: () => AbortSignal): Promise<Receipt> {
  if (waiting.size >= MAX_WAITING) return Promise.reject(new Error('too many callers wait for a slot'));
  const signal = limit?.();
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const onFree = (receipt: Receipt): void => {
      signal?.removeEventListener('abort', giveUp);
      resolve(receipt);
    };
    const giveUp = (): void => {
      waiting.delete(onFree);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    waiting.add(onFree);
  });
}

/** Creates the receipts of one client. `client` is a name that no other client has, in `[A-Za-z0-9_-]`. */
export function createReceipts(client: string): Receipts {
  const queues = new Map<string, Slots>();
  let sequence = 0;

  function receiptOf(queue: string, slots: Slots, slot: number): Receipt {
    let isReleased = false;
    sequence += 1;
    return {
      key: receiptsKey(queue, client),
      slot,
      sequence,
      release() {
        if (isReleased) return;
        isReleased = true;
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
      if (used === ALL_USED) return waitForSlot(slots, limit);
      const slot = lowestFree(used);
      slots.used |= 1 << slot;
      return receiptOf(queue, slots, slot);
    },
  };
}
