import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { RedisParts } from '../parts.ts';
import type { Receipt } from '../receipts.ts';
import type { Refusal } from '../scripts/reply.ts';

/** A call's error when Redis met it as a late duplicate: its caller has gone on long ago. */
export function staleCall(broker: string): TaskCenterError {
  return new TaskCenterError('broker-unavailable', {
    broker,
    outcome: 'unknown',
    cause: 'the call arrived too late',
  });
}

export function isRefusal(reply: unknown): reply is Refusal {
  return typeof reply === 'object' && reply !== null && ('corrupt' in reply || 'stale' in reply);
}

/**
 * The reply of a call about one queue.
 *
 * @throws TaskCenterError `broker-corrupt`, `broker-unavailable`
 */
export function accepted<R>(reply: R | Refusal, queue: string, broker: string): R {
  if (!isRefusal(reply)) return reply;
  if ('stale' in reply) throw staleCall(broker);
  throw new TaskCenterError('broker-corrupt', { queue, cause: wrongType(reply.corrupt) });
}

export function wrongType(key: string): string {
  return `the key ${key} has another type than it should have`;
}

/** Runs a call under a receipt of the queue, and gives the receipt back. */
export async function withReceipt<R>(
  { receipts }: RedisParts,
  queue: string,
  run: (receipt: Receipt) => Promise<R>,
): Promise<R> {
  const receipt = await receipts.take(queue);
  try {
    return await run(receipt);
  } finally {
    receipt.release();
  }
}

/** Says that a key cannot be used, at most once a minute each: loops meet it again and again. */
export type Complain = (queue: string, key: string) => void;

const QUIET_MS = 60_000;
const MOST_KEYS = 1_000;

export function createComplain({ log, clock }: Runtime): Complain {
  const saidMs = new Map<string, number>();
  return (queue, key) => {
    const now = clock.monotonicMs();
    if (now - (saidMs.get(key) ?? -Infinity) < QUIET_MS) return;
    if (saidMs.size >= MOST_KEYS) saidMs.clear();
    saidMs.set(key, now);
    log.warn(
      { queue, key },
      'a key of the queue has another type than it should have; the queue stands still',
    );
  };
}
