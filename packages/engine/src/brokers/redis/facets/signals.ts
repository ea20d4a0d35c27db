import type { Signals } from '../../../broker/signals.ts';
import { backlogKey, CANCEL_CHANNEL, pendingKey } from '../../../protocol/keys.ts';
import { Cancellations } from '../wake-ups/cancellations.ts';
import type { RedisDeps } from '../deps.ts';
import { createQueueWatches } from '../wake-ups/queue-watches.ts';
import { ConnectionPool } from '../client/connection-pool.ts';

/** So long the word of a backlog is there: who has just begun to wait shall hear of it, too. */
const BACKLOG_MS = 20;

/** After `close` nothing comes any more; a caller in a loop must not spin on that. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Wake-ups by Redis' own notice of changed keys, over one connection per server that hears and does nothing else (design D4). */
export function createSignals({ client, topology, runtime }: RedisDeps): Signals & { close(): void } {
  let closed = false;
  const watches = createQueueWatches({
    connection: (queue) => pool.of(pendingKey(queue))?.current ?? null,
    want: (queue) => pool.connect(pendingKey(queue)),
    onRefused: () => void topology.refresh().catch(() => {}),
    clock: runtime.clock,
  });
  // A message of the channel reaches every server of a cluster: one connection is enough.
  const cancellations = new Cancellations({
    connection: () => pool.of(null)?.current ?? null,
    want: () => pool.connect(null),
    runtime,
  });
  const all = [...watches.all, cancellations];
  const at = (place: string) => (queue: string) => topology.nodeOf(pendingKey(queue)) === place;
  const pool: ConnectionPool = new ConnectionPool({
    topology,
    runtime,
    isWanted: () => cancellations.wanted || watches.all.some((watch) => watch.wanted),
    onUp: (place) => all.forEach((one) => one.rearm(at(place))),
    onDown: (place) => all.forEach((one) => one.disarm(at(place))),
    // What has moved is not told: everything is read again where it is now.
    onChange: () => all.forEach((one) => one.rearm()),
    onInvalidate: (key) => watches.all.forEach((watch) => watch.invalidate(key)),
  });

  return {
    work: (queues, signal) => (closed ? untilAborted(signal) : watches.work(queues, signal)),
    backlog: (queues, signal) => (closed ? untilAborted(signal) : watches.backlog(queues, signal)),
    due: (known, signal) => (closed ? untilAborted(signal) : watches.due(known, signal)),
    async tellBacklog(queue) {
      if ((await client.command(['EXISTS', pendingKey(queue)])) !== 1) return;
      await client.command(['SET', backlogKey(queue), '', 'PX', String(BACKLOG_MS)]);
    },
    async cancel(ids) {
      await Promise.all(ids.map((id) => client.command(['PUBLISH', CANCEL_CHANNEL, id])));
    },
    onCancelled: (listener, signal) => cancellations.listen(listener, signal),
    close() {
      if (closed) return;
      closed = true;
      all.forEach((one) => one.close());
      pool.close();
    },
  };
}
