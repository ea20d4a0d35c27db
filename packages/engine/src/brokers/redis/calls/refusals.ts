import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { CALL_TIMEOUT_MS, type RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { Receipt } from './receipts.ts';
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
export function acceptedReply<R>(reply: R | Refusal, queue: string, broker: string): R {
  if (!isRefusal(reply)) return reply;
  if ('stale' in reply) throw staleCall(broker);
  throw new TaskCenterError('broker-corrupt', { queue, cause: wrongType(reply.corrupt) });
}

export function wrongType(key: string): string {
  return `the key ${key} has another type than it should have`;
}

/** A receipt, and how long its call may take: waiting for the receipt is a part of the call. */
export interface Taken {
  readonly receipt: Receipt;
  readonly left: RunOptions;
}

/** At once where one is free. @throws TaskCenterError `broker-unavailable`; or rejects with it */
export function takeReceipt(
  { receipts, runtime: { clock }, client }: RedisDeps,
  queue: string,
  { signal }: CallOptions = {},
): Taken | Promise<Taken> {
  const sinceMs = clock.monotonicMs();
  const left = (): RunOptions =>
    signal ? { signal } : { timeoutMs: CALL_TIMEOUT_MS - (clock.monotonicMs() - sinceMs) };
  const taken = receipts.take(queue, () => signal ?? AbortSignal.timeout(CALL_TIMEOUT_MS));
  if (!(taken instanceof Promise)) return { receipt: taken, left: left() };
  return taken.then(
    (receipt) => ({ receipt, left: left() }),
    () => {
      throw new TaskCenterError('broker-unavailable', {
        broker: client.name,
        outcome: 'not_stored',
        cause: 'too many calls wait for it',
      });
    },
  );
}

/** Runs a call under a receipt of the queue, and gives the receipt back. */
export async function withReceipt<R>(
  deps: RedisDeps,
  { queue, options }: { readonly queue: string; readonly options?: CallOptions | undefined },
  run: (receipt: Receipt, left: RunOptions) => Promise<R>,
): Promise<R> {
  const taking = takeReceipt(deps, queue, options);
  const { receipt, left } = taking instanceof Promise ? await taking : taking;
  try {
    return await run(receipt, left);
  } finally {
    receipt.release();
  }
}

/** Says that a key cannot be used, at most once a minute each: loops meet it again and again. */
export type ReportWrongType = (queue: string, key: string) => void;

const QUIET_MS = 60_000;
const MAX_KEYS = 1_000;

export function createReportWrongType({ log, clock }: Runtime): ReportWrongType {
  const saidMs = new Map<string, number>();
  return (queue, key) => {
    const now = clock.monotonicMs();
    if (now - (saidMs.get(key) ?? -Infinity) < QUIET_MS) return;
    if (saidMs.size >= MAX_KEYS) saidMs.clear();
    saidMs.set(key, now);
    log.warn(
      { queue, key },
      'a key of the queue has another type than it should have; the queue stands still',
    );
  };
}
