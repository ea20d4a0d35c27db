import { until } from './history.ts';
import type { Run } from './run.ts';

const QUEUE = 'asynq:{default}:';

/** How long after the end of a Go worker's lease its task is left alone (reliability F.3), s. */
export const GO_GRACE_S = 30;

/**
 * Tasks that a Go worker holds, which is gone: enqueued by a member and taken as Asynq's `Dequeue` does. No other worker
 * may be there yet.
 *
 * @param endS of each lease, whole seconds since 1970
 * @returns the ends, by ID
 */
export async function heldByGo(run: Run, count: number, endS: () => number): Promise<Map<string, number>> {
  const server = await run.bed.raw();
  // A misdeed, although it does nothing: what ends these tasks is more than their payload.
  await run.start({
    produce: { count, tasks: [{ payload: { block: 0, ms: 10 } }], perSecond: 500, batch: count },
  });
  const acked = () => run.lines().filter(({ e }) => e === 'ack').length;
  await until(() => acked() === count, { what: 'all are enqueued' });
  const ends = new Map<string, number>();
  while (ends.size < count) {
    const id = String(await server.call('RPOPLPUSH', `${QUEUE}pending`, `${QUEUE}active`));
    ends.set(id, endS());
    await server.call('HSET', `${QUEUE}t:${id}`, 'state', 'active');
    await server.call('HDEL', `${QUEUE}t:${id}`, 'pending_since');
    await server.call('ZADD', `${QUEUE}lease`, String(ends.get(id)), id);
  }
  return ends;
}
