import type { Signals } from '../../../broker/signals.ts';
import type { KnownLook } from '../../../broker/schedules.ts';
import {
  backlogKey,
  dueKey,
  nextLooksKey,
  pausedKey,
  pendingKey,
  retryKey,
  scheduledKey,
} from '../../../protocol/keys.ts';
import { KeyWatch, type KeyWatchDeps, type Wait } from './key-watch.ts';
import { TaskWatch } from './task-watch.ts';
import type { Subject } from './watched-queue.ts';

/** Whether a queue has tasks to take: pending ones, and the queue is not paused. */
const work: Subject<'some' | 'none' | 'paused'> = {
  keys: (queue) => [pendingKey(queue), pausedKey(queue)],
  reads: (queue) => [
    ['EXISTS', pendingKey(queue)],
    ['EXISTS', pausedKey(queue)],
  ],
  state: ([pending, paused]) => (paused !== 0 ? 'paused' : pending === 1 ? 'some' : 'none'),
  none: 'none',
  // A task was added to an empty list. If instead the queue was paused, this wake-up is for nothing, which does no harm.
  next: (state) => (state === 'none' ? 'some' : null),
};

/** Whether a worker has just announced that a queue has a backlog. */
const backlog: Subject<'announced' | 'none'> = {
  keys: (queue) => [backlogKey(queue)],
  reads: (queue) => [['EXISTS', backlogKey(queue)]],
  state: ([exists]) => (exists === 1 ? 'announced' : 'none'),
  none: 'none',
  next: (state) => (state === 'none' ? 'announced' : null),
};

/** Times from here on are beyond all dates: nothing wakes up for them, as in the scripts. */
const NEVER_MS = 8_640_000_000_000_000;

/** The first entry of a sorted set, if it has any. */
type FirstEntry = readonly (readonly [member: Buffer, score: number])[];

/**
 * A queue's earliest due time. Asynq's sets have seconds, rounded up; `tc:{q}:due` has the exact ms, which for the same task
 * is never later (docs/design/engine.md#delays).
 */
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
    const [scheduled, retry, exactMs] = (replies as FirstEntry[]).map(([entry]) => entry?.[1] ?? Infinity);
    const earliestMs = Math.min(
      (scheduled ?? Infinity) * 1_000,
      (retry ?? Infinity) * 1_000,
      exactMs ?? Infinity,
    );
    return { earliestMs: earliestMs >= NEVER_MS ? null : earliestMs };
  },
  none: { earliestMs: null },
};

/** When a schedule of a queue must be looked at next. */
const look: Subject<{ earliestMs: number | null }> = {
  keys: (queue) => [nextLooksKey(queue)],
  reads: (queue) => [['ZRANGE', nextLooksKey(queue), '0', '0', 'WITHSCORES']],
  state: ([replies]) => ({ earliestMs: (replies as FirstEntry)[0]?.[1] ?? null }),
  none: { earliestMs: null },
};

/** A wait for something earlier than is known; Infinity = nothing is. */
const earlierInQueues = (knownMs: ReadonlyMap<string, number>): Wait<{ earliestMs: number | null }> => ({
  queues: [...knownMs.keys()],
  collects: true,
  wakes: (queue, { earliestMs }) => earliestMs !== null && earliestMs < (knownMs.get(queue) ?? Infinity),
});

/** The watches on queues and their tasks, and a way to wait for each. */
export interface QueueWatches extends Pick<
  Signals,
  'waitForWork' | 'waitForBacklog' | 'waitForDue' | 'waitForEnd'
> {
  /** As `ScheduleStore.waitForLook`. */
  waitForLook(known: readonly KnownLook[], signal: AbortSignal): Promise<readonly string[]>;
  readonly all: readonly Pick<KeyWatch<unknown>, 'isWanted' | 'invalidate' | 'rearm' | 'disarm' | 'close'>[];
}

export function createQueueWatches(deps: KeyWatchDeps): QueueWatches {
  const works = new KeyWatch(work, deps);
  const backlogs = new KeyWatch(backlog, deps);
  const dues = new KeyWatch(due, deps);
  const looks = new KeyWatch(look, deps);
  const taskEnds = new TaskWatch(deps);
  return {
    all: [works, backlogs, dues, looks, taskEnds],
    async waitForWork(queues, signal) {
      await works.wait({ queues, wakes: (_, state) => state === 'some' }, signal);
    },
    async waitForBacklog(queues, signal) {
      await backlogs.wait({ queues, wakes: (_, state) => state === 'announced' }, signal);
    },
    waitForEnd: (task, signal) => taskEnds.waitForEnd(task, signal),
    waitForDue: (known, signal) =>
      dues.wait(
        earlierInQueues(new Map(known.map(({ queue, nextDueMs }) => [queue, nextDueMs ?? Infinity]))),
        signal,
      ),
    waitForLook: (known, signal) =>
      looks.wait(
        earlierInQueues(new Map(known.map(({ queue, nextLookMs }) => [queue, nextLookMs ?? Infinity]))),
        signal,
      ),
  };
}
