import type { Signals } from '../../../broker/signals.ts';
import {
  CANCEL_CHANNEL,
  dueKey,
  pausedKey,
  pendingKey,
  retryKey,
  scheduledKey,
} from '../../../protocol/keys.ts';
import { Cancellations } from '../cancellations.ts';
import type { RedisParts } from '../parts.ts';
import { Uplinks } from '../uplinks.ts';
import { Watch, type Subject } from '../watch.ts';

/** Whether a queue has something to take: pending, and not paused. */
const work: Subject<boolean> = {
  keys: (queue) => [pendingKey(queue), pausedKey(queue)],
  reads: (queue) => [
    ['EXISTS', pendingKey(queue)],
    ['EXISTS', pausedKey(queue)],
  ],
  state: ([pending, paused]) => pending === 1 && paused === 0,
};

type Head = readonly (readonly [member: Buffer, score: number])[];

/** A queue's earliest due time, ms. Of the same task `tc:{q}:due` is never later than Asynq's seconds (design D5). */
const due: Subject<{ earliestMs: number | null }> = {
  keys: (queue) => [scheduledKey(queue), retryKey(queue), dueKey(queue)],
  reads: (queue) =>
    [scheduledKey(queue), retryKey(queue), dueKey(queue)].map((key) => [
      'ZRANGE',
      key,
      '0',
      '0',
      'WITHSCORES',
    ]),
  state: (replies) => {
    const [scheduled, retry, exact] = (replies as Head[]).map((head) => head[0]?.[1] ?? Infinity);
    const earliestMs = Math.min(
      (scheduled ?? Infinity) * 1_000,
      (retry ?? Infinity) * 1_000,
      exact ?? Infinity,
    );
    return { earliestMs: earliestMs === Infinity ? null : earliestMs };
  },
};

/** After `close` nothing comes any more; a caller in a loop must not spin on that. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Wake-ups by Redis' own notice of changed keys, over one connection per server that hears and does nothing else (design D4). */
export function createSignals({ connection, topology, runtime }: RedisParts): Signals & { close(): void } {
  let closed = false;
  const watches = {
    link: (queue: string) => uplinks.of(pendingKey(queue))?.link ?? null,
    want: (queue: string) => uplinks.want(pendingKey(queue)),
    onRefused: () => void topology.refresh().catch(() => {}),
    clock: runtime.clock,
  };
  const workWatch = new Watch(work, watches);
  const dueWatch = new Watch(due, watches);
  const both = [workWatch, dueWatch];
  // A message of the channel reaches every server of a cluster: one link is enough.
  const cancellations = new Cancellations({
    link: () => uplinks.of(null)?.link ?? null,
    want: () => uplinks.want(null),
    runtime,
  });
  const all = [...both, cancellations];
  const at = (place: string) => (queue: string) => topology.placeOf(pendingKey(queue)) === place;
  const uplinks: Uplinks = new Uplinks({
    topology,
    runtime,
    wanted: () => cancellations.wanted || both.some((watch) => watch.wanted),
    onUp: (place) => all.forEach((one) => one.rearm(at(place))),
    onDown: (place) => all.forEach((one) => one.disarm(at(place))),
    // What has moved is not told: everything is read again where it is now.
    onChange: () => all.forEach((one) => one.rearm()),
    onInvalidate: (key) => both.forEach((watch) => watch.invalidate(key)),
  });

  return {
    work(queues, signal) {
      if (closed) return untilAborted(signal);
      return workWatch.wait({ queues, wakes: (_, hasWork) => hasWork }, signal);
    },
    due(known, signal) {
      if (closed) return untilAborted(signal);
      const knownMs = new Map(known.map(({ queue, nextDueMs }) => [queue, nextDueMs ?? Infinity]));
      const wait = {
        queues: [...knownMs.keys()],
        wakes: (queue: string, { earliestMs }: { earliestMs: number | null }) =>
          earliestMs !== null && earliestMs < (knownMs.get(queue) ?? Infinity),
      };
      return dueWatch.wait(wait, signal);
    },
    async cancel(ids) {
      await Promise.all(ids.map((id) => connection.command(['PUBLISH', CANCEL_CHANNEL, id])));
    },
    onCancelled: (listener, signal) => cancellations.listen(listener, signal),
    close() {
      if (closed) return;
      closed = true;
      all.forEach((one) => one.close());
      uplinks.close();
    },
  };
}
