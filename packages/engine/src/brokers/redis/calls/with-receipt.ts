import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import { CALL_TIMEOUT_MS, type RunOptions } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import type { Receipt } from './receipts.ts';

/** A receipt, and the time left for its call: waiting for the receipt counts as part of the call. */
export interface TakenReceipt {
  readonly receipt: Receipt;
  readonly left: RunOptions;
}

/**
 * Takes a receipt of the queue, at once if a slot is free.
 *
 * @throws TaskCenterError `broker-unavailable`; the promise, if there is one, rejects with it
 */
export function takeReceipt(
  { receipts, runtime: { clock }, client }: RedisDeps,
  queue: string,
  { signal }: CallOptions = {},
): TakenReceipt | Promise<TakenReceipt> {
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

/** Runs a call under a receipt of the queue, and releases the receipt. */
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
