import type { Signals } from '../../../broker/signals.ts';
import { backlogKey, CANCEL_CHANNEL, pendingKey } from '../../../protocol/keys.ts';
import { Cancellations } from '../wake-ups/cancellations.ts';
import type { RedisDeps } from '../deps.ts';
import { createQueueWatches, type QueueWatches } from '../wake-ups/queue-watches.ts';
import type { RedisClient } from '../client/redis-client.ts';
import { ConnectionPool } from '../client/connection-pool.ts';
import { untilAborted } from '../../../runtime/within.ts';

/** How long the announcement of a backlog exists. Workers that begin to wait just after it was made see it, too. */
const BACKLOG_MS = 20;

/** Makes waits that see `nothing` once the broker is closed. */
const waitUnless =
  (isClosed: () => boolean) =>
  <What, Seen>(wait: (what: What, signal: AbortSignal) => Promise<Seen>, nothing: Seen) =>
  (what: What, signal: AbortSignal): Promise<Seen> =>
    isClosed() ? untilAborted(signal).then(() => nothing) : wait(what, signal);

/** Wakes workers that wait for a backlog, unless the queue is empty by now. */
async function announceBacklog(client: RedisClient, queue: string): Promise<void> {
  if ((await client.command(['EXISTS', pendingKey(queue)])) !== 1) return;
  await client.command(['SET', backlogKey(queue), '', 'PX', String(BACKLOG_MS)]);
}

export interface RedisSignals extends Signals, Pick<QueueWatches, 'waitForLook'> {
  close(): void;
}

/**
 * Wake-ups by client-side caching: Redis sends an invalidation when a key that we have read changes. One connection per
 * server is used for this only. Go clients' tasks wake workers, too, as they need not announce anything
 * (docs/design/engine.md#wake-ups). After `close` a wait lasts until its signal aborts: a caller in a loop must not spin.
 */
export function createSignals({ client, topology, runtime }: RedisDeps): RedisSignals {
  let closed = false;
  const watches = createQueueWatches({
    connection: (queue) => pool.connectionFor(pendingKey(queue))?.current ?? null,
    connect: (queue) => pool.connect(pendingKey(queue)),
    onRefused: () => void topology.refresh().catch(() => {}),
    isClustered: client.isClustered,
    clock: runtime.clock,
  });
  // A published message reaches every server of a cluster: one connection is enough.
  const cancellations = new Cancellations({
    connection: () => pool.connectionFor(null)?.current ?? null,
    connect: () => pool.connect(null),
    runtime,
  });
  const subscriptions = [...watches.all, cancellations];
  const isOnNode = (node: string) => (queue: string) => topology.nodeOf(pendingKey(queue)) === node;
  const pool: ConnectionPool = new ConnectionPool({
    topology,
    runtime,
    isWanted: () => subscriptions.some(({ isWanted }) => isWanted),
    onUp: (node) => subscriptions.forEach((subscription) => subscription.rearm(isOnNode(node))),
    onDown: (node) => subscriptions.forEach((subscription) => subscription.disarm(isOnNode(node))),
    // The topology does not say which slots have moved: every key is read again on its current node.
    onChange: () => subscriptions.forEach((subscription) => subscription.rearm()),
    onInvalidate: (key) => watches.all.forEach((watch) => watch.invalidate(key)),
  });
  const wait = waitUnless(() => closed);

  return {
    waitForWork: wait(watches.waitForWork, undefined),
    waitForBacklog: wait(watches.waitForBacklog, undefined),
    waitForDue: wait(watches.waitForDue, []),
    // Only Redis knows its clock.
    nextDueOf: () => null,
    waitForLook: wait(watches.waitForLook, []),
    waitForEnd: wait(watches.waitForEnd, null),
    announceBacklog: (queue) => announceBacklog(client, queue),
    cancel: async (ids) =>
      void (await Promise.all(ids.map((id) => client.command(['PUBLISH', CANCEL_CHANNEL, id])))),
    onCancelled: (listener, signal) => cancellations.listen(listener, signal),
    close() {
      if (closed) return;
      closed = true;
      subscriptions.forEach((subscription) => subscription.close());
      pool.close();
    },
  };
}
