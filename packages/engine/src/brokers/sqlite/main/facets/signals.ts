// The signals facet: wake-ups and cancellations within the process, on the main thread. Every write to the file passes
// through the writer thread, which reports the queues that it changed.
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { KnownDue, Signals } from '../../../../broker/signals.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { untilAborted } from '../../../../runtime/within.ts';
import type { QueueChange } from '../../states.ts';
import { TaskWaits, type TaskWaitsDeps } from '../task-waits.ts';

export interface LocalSignals extends Signals {
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

export function createSignals(broker: string, thread: TaskWaitsDeps): LocalSignals {
  /** What the writer thread has last reported of each queue. */
  const queues = new Map<string, QueueChange>();
  const waiters = createWaiters((queue) => queues.get(queue));
  const taskWaits = new TaskWaits(thread);
  const listeners = new Set<(id: string) => void>();
  let closed = false;

  const waitForWork: Signals['waitForWork'] = async (names, signal) => {
    await (closed ? untilAborted(signal) : waiters.wait({ queues: new Set(names), wakes: hasWork }, signal));
  };

  return {
    waitForWork,
    // A backlog needs no signal of its own: within a process a wake-up is cheap, and all idle workers are woken.
    waitForBacklog: waitForWork,
    async announceBacklog() {},
    // Ready when something is due earlier than the caller knows; otherwise the caller sleeps until the time that it knows.
    async waitForDue(known: readonly KnownDue[], signal) {
      if (closed) return untilAborted(signal).then(() => []);
      const knownMs = new Map(known.map(({ queue, nextDueMs }) => [queue, nextDueMs]));
      const wakes = ({ name, nextDueMs }: QueueChange) => isEarlierThan(nextDueMs, knownMs.get(name) ?? null);
      return waiters.wait({ queues: new Set(knownMs.keys()), wakes }, signal);
    },
    waitForEnd: (task, signal) => taskWaits.waitForEnd(task, signal),
    // Everybody is asked: a task's worker knows its own tasks.
    async cancel(ids) {
      if (closed) throw new TaskCenterError('broker-closed', { broker });
      for (const id of ids) for (const listener of listeners) listener(id);
    },
    async onCancelled(listener, signal) {
      if (closed || signal.aborted) return;
      // A wrapper of its own, because a caller may register the same function twice.
      const wrapper = (id: string) => listener(id);
      listeners.add(wrapper);
      signal.addEventListener('abort', () => listeners.delete(wrapper), { once: true });
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
