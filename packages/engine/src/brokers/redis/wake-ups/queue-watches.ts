import type { Signals } from '../../../broker/signals.ts';
import { backlogKey, dueKey, pausedKey, pendingKey, retryKey, scheduledKey } from '../../../protocol/keys.ts';
import { KeyWatch, type Subject, type KeyWatchDeps } from './key-watch.ts';

/** Whether a queue has something to take: pending, and not paused. */
const work: Subject<'something' | 'nothing' | 'paused'> = {
  keys: (queue) => [pendingKey(queue), pausedKey(queue)],
  reads: (queue) => [
    ['EXISTS', pendingKey(queue)],
    ['EXISTS', pausedKey(queue)],
  ],
  state: ([pending, paused]) => (paused !== 0 ? 'paused' : pending === 1 ? 'something' : 'nothing'),
  // Nothing can be taken from nothing.
  next: (state) => (state === 'nothing' ? 'something' : null),
};

/** Whether somebody tells of a backlog. */
const backlog: Subject<'told' | 'quiet'> = {
  keys: (queue) => [backlogKey(queue)],
  reads: (queue) => [['EXISTS', backlogKey(queue)]],
  state: ([exists]) => (exists === 1 ? 'told' : 'quiet'),
  next: (state) => (state === 'quiet' ? 'told' : null),
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

/** What is watched of queues, each with a way to wait for it. */
export interface QueueWatches extends Pick<Signals, 'work' | 'backlog' | 'due'> {
  readonly all: readonly Pick<KeyWatch<unknown>, 'wanted' | 'invalidate' | 'rearm' | 'disarm' | 'close'>[];
}

export function createQueueWatches(deps: KeyWatchDeps): QueueWatches {
  const works = new KeyWatch(work, deps);
  const backlogs = new KeyWatch(backlog, deps);
  const dues = new KeyWatch(due, deps);
  return {
    all: [works, backlogs, dues],
    work: (queues, signal) => works.wait({ queues, wakes: (_, state) => state === 'something' }, signal),
    backlog: (queues, signal) => backlogs.wait({ queues, wakes: (_, state) => state === 'told' }, signal),
    due(known, signal) {
      const knownMs = new Map(known.map(({ queue, nextDueMs }) => [queue, nextDueMs ?? Infinity]));
      const wait = {
        queues: [...knownMs.keys()],
        wakes: (queue: string, { earliestMs }: { earliestMs: number | null }) =>
          earliestMs !== null && earliestMs < (knownMs.get(queue) ?? Infinity),
      };
      return dues.wait(wait, signal);
    },
  };
}
