import type { Signals } from '../../../broker/signals.ts';
import { backlogKey, CANCEL_CHANNEL, pendingKey } from '../../../protocol/keys.ts';
import { Cancellations } from '../wake-ups/cancellations.ts';
import type { RedisDeps } from '../deps.ts';
import { createQueueWatches } from '../wake-ups/queue-watches.ts';
import { ConnectionPool } from '../client/connection-pool.ts';

/** How long the announcement of a backlog exists. Workers that begin to wait just after it was made see it, too. */
const BACKLOG_MS = 20;

/** What waiting calls do after `close`: a caller in a loop must not spin. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/**
 * Wake-ups by client-side caching: Redis sends an invalidation when a key that we have read changes. One connection per
 * server is used for this only. Go clients' tasks wake workers, too, as they need not announce anything
 * (docs/design/engine.md#wake-ups).
 */
export function createSignals({ client, topology, runtime }: RedisDeps): Signals & { close(): void } {
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
    isWanted: () => cancellations.isWanted || watches.all.some((watch) => watch.isWanted),
    onUp: (node) => subscriptions.forEach((subscription) => subscription.rearm(isOnNode(node))),
    onDown: (node) => subscriptions.forEach((subscription) => subscription.disarm(isOnNode(node))),
    // The topology does not say which slots have moved: every key is read again on its current node.
    onChange: () => subscriptions.forEach((subscription) => subscription.rearm()),
    onInvalidate: (key) => watches.all.forEach((watch) => watch.invalidate(key)),
  });

  return {
    waitForWork: (queues, signal) => (closed ? untilAborted(signal) : watches.waitForWork(queues, signal)),
    waitForBacklog: (queues, signal) =>
      closed ? untilAborted(signal) : watches.waitForBacklog(queues, signal),
    waitForDue: (known, signal) =>
      closed ? untilAborted(signal).then(() => []) : watches.waitForDue(known, signal),
    /** Wakes workers that wait for a backlog, unless the queue is empty by now. */
    async announceBacklog(queue) {
      if ((await client.command(['EXISTS', pendingKey(queue)])) !== 1) return;
      await client.command(['SET', backlogKey(queue), '', 'PX', String(BACKLOG_MS)]);
    },
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
