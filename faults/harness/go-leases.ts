import { until } from './history.ts';
import type { Run } from './run.ts';

const QUEUE = 'asynq:{default}:';

/** How long after the end of a Go worker's lease its task is left alone, s; see docs/design/guarantees.md#go-workers. */
export const GO_GRACE_S = 30;

/**
 * Leaves tasks behind as a dead Go worker does: a member enqueues them, and they are leased as Asynq's `Dequeue` does it.
 * Call it before any worker is started.
 *
 * @param endS gives the end of each lease, whole seconds since 1970
 * @returns the ends of the leases by task ID
 */
export async function heldByGo(run: Run, count: number, endS: () => number): Promise<Map<string, number>> {
  const server = await run.bed.raw();
  // `block: 0` does nothing, but it makes the checker accept any number of failures: recovery adds one to each task.
  await run.start({
    produce: { count, tasks: [{ payload: { block: 0, ms: 10 } }], perSecond: 500, batch: count },
  });
  const acked = () => run.lines().filter(({ e }) => e === 'ack').length;
  await until(() => acked() === count, { what: 'all tasks are enqueued' });
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
