// The signals facet: wake-ups and cancellations within the process, on the main thread. Every write to the file passes
// through the writer thread, which reports the queues that it changed.
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { KnownLook } from '../../../../broker/schedules.ts';
import type { KnownDue, Signals } from '../../../../broker/signals.ts';
import type { Clock } from '../../../../runtime/clock.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { untilAborted } from '../../../../runtime/within.ts';
import type { QueueChange } from '../../states.ts';
import { TaskWaits, type TaskWaitsDeps } from '../task-waits.ts';

export interface LocalSignals extends Signals {
  /** As `ScheduleStore.waitForLook`. */
  waitForLook(known: readonly KnownLook[], signal: AbortSignal): Promise<readonly string[]>;
  /** When schedules of the queue must be looked at next, as the thread has last reported; null = none waits. */
  nextLookMs(queue: string): number | null;
  /** Takes the changes that the writer thread reports, and wakes those who wait for them. */
  update(changes: readonly QueueChange[], ended: readonly TaskRef[]): void;
  /**
   * Wakes all waiters. Later waits last until their signal aborts, because a caller in a loop would spin and freeze the process.
   * Later cancellations are rejected.
   */
  close(): void;
}

/** What a caller waits for. */
interface Condition {
  readonly queues: ReadonlySet<string>;
  /** Whether this state of the queue is what it waits for. */
  wakes(queue: QueueChange): boolean;
}

interface Waiter extends Condition {
  end(found: readonly string[]): void;
}

/** Whether something is due earlier than the caller knows; null = nothing is due. */
const isEarlierThan = (nextDueMs: number | null, knownMs: number | null): boolean =>
  nextDueMs !== null && (knownMs === null || nextDueMs < knownMs);

/** A paused queue has no work, whatever is in it. */
const hasWork = ({ pending, paused }: QueueChange): boolean => pending > 0 && !paused;

/** Callers that wait for states of queues. `stateOf`: what is known of a queue. */
function createWaiters(stateOf: (queue: string) => QueueChange | undefined) {
  const waiters = new Set<Waiter>();
  return {
    /** Resolves to queues whose states wake, or to none when the signal aborts. */
    wait({ queues, wakes }: Condition, signal: AbortSignal): Promise<readonly string[]> {
      const found = [...queues].filter((queue) => {
        const state = stateOf(queue);
        return state !== undefined && wakes(state);
      });
      if (signal.aborted || found.length > 0) return Promise.resolve(found);
      return new Promise((resolve) => {
        const onAbort = () => waiter.end([]);
        const waiter: Waiter = {
          queues,
          wakes,
          end(woken) {
            waiters.delete(waiter);
            signal.removeEventListener('abort', onAbort);
            resolve(woken);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiters.add(waiter);
      });
    },
    /** Ends the waits for what has changed. Waits for any number of other queues cost nothing. */
    wake(changes: readonly QueueChange[]): void {
      for (const { queues, wakes, end } of waiters) {
        const woken = changes.filter((change) => queues.has(change.name) && wakes(change));
        if (woken.length > 0) end(woken.map(({ name }) => name));
      }
    },
    endAll(): void {
      for (const { end } of waiters) end([]);
    },
  };
}

/** The earliest time of something in a queue that a caller knows. */
type KnownTimes = readonly (readonly [queue: string, knownMs: number | null])[];

/**
 * Ready when something is earlier than the caller knows; otherwise the caller sleeps until the time that it knows. `timeOf`: of
 * what in a queue.
 */
function earlierThan(known: KnownTimes, timeOf: (queue: QueueChange) => number | null): Condition {
  const knownMs = new Map(known);
  const wakes = (queue: QueueChange) => isEarlierThan(timeOf(queue), knownMs.get(queue.name) ?? null);
  return { queues: new Set(knownMs.keys()), wakes };
}

/** A task is due earlier. */
const dueEarlierThan = (known: readonly KnownDue[]): Condition =>
  earlierThan(
    known.map(({ queue, nextDueMs }) => [queue, nextDueMs]),
    ({ nextDueMs }) => nextDueMs,
  );

/** A schedule must be looked at earlier. */
const lookEarlierThan = (known: readonly KnownLook[]): Condition =>
  earlierThan(
    known.map(({ queue, nextLookMs }) => [queue, nextLookMs]),
    ({ nextLookMs }) => nextLookMs,
  );

/** The listeners for cancellations. */
function createListeners() {
  const listeners = new Set<(id: string) => void>();
  return {
    /** Everybody is asked: a task's worker knows its own tasks. */
    tell(ids: readonly string[]): void {
      for (const id of ids) for (const listener of listeners) listener(id);
    },
    add(listener: (id: string) => void, signal: AbortSignal): void {
      // A wrapper of its own, because a caller may register the same function twice.
      const wrapper = (id: string) => listener(id);
      listeners.add(wrapper);
      signal.addEventListener('abort', () => listeners.delete(wrapper), { once: true });
    },
    clear: (): void => listeners.clear(),
  };
}

export interface LocalSignalsDeps {
  /** Of the broker, for errors. */
  readonly broker: string;
  readonly thread: TaskWaitsDeps;
  /** The broker's. */
  readonly clock: Pick<Clock, 'wallMs'>;
}

export function createSignals({ broker, thread, clock }: LocalSignalsDeps): LocalSignals {
  /** What the writer thread has last reported of each queue. */
  const queues = new Map<string, QueueChange>();
  const waiters = createWaiters((queue) => queues.get(queue));
  const wait = (condition: Condition, signal: AbortSignal): Promise<readonly string[]> =>
    closed ? untilAborted(signal).then(() => []) : waiters.wait(condition, signal);
  const taskWaits = new TaskWaits(thread);
  const listeners = createListeners();
  let closed = false;

  const waitForWork: Signals['waitForWork'] = async (names, signal) => {
    await wait({ queues: new Set(names), wakes: hasWork }, signal);
  };

  return {
    waitForWork,
    // A backlog needs no signal of its own: within a process a wake-up is cheap, and all idle workers are woken.
    waitForBacklog: waitForWork,
    async announceBacklog() {},
    waitForDue: async (known, signal) => wait(dueEarlierThan(known), signal),
    nextDueOf(queue) {
      const nextDueMs = queues.get(queue)?.nextDueMs ?? null;
      return { nextDueMs, nextInMs: nextDueMs === null ? null : Math.max(0, nextDueMs - clock.wallMs()) };
    },
    waitForLook: async (known, signal) => wait(lookEarlierThan(known), signal),
    nextLookMs(queue) {
      if (closed) throw new TaskCenterError('broker-closed', { broker });
      return queues.get(queue)?.nextLookMs ?? null;
    },
    waitForEnd: (task, signal) => taskWaits.waitForEnd(task, signal),
    async cancel(ids) {
      if (closed) throw new TaskCenterError('broker-closed', { broker });
      listeners.tell(ids);
    },
    async onCancelled(listener, signal) {
      if (!closed && !signal.aborted) listeners.add(listener, signal);
    },
    update(changes, ended) {
      taskWaits.onEnded(ended);
      for (const change of changes) queues.set(change.name, change);
      waiters.wake(changes);
    },
    close() {
      closed = true;
      listeners.clear();
      waiters.endAll();
      taskWaits.close();
    },
  };
}
