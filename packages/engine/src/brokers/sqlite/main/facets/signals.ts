// The signals facet: wake-ups and cancellations within the process, on the main thread. Every write to the file passes
// through the writer thread, which reports the queues that it changed.
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { KnownDue, Signals } from '../../../../broker/signals.ts';
import type { QueueChange } from '../../states.ts';

export interface LocalSignals extends Signals {
  /** Takes the changes that the writer thread reports, and wakes those who wait for them. */
  update(changes: readonly QueueChange[]): void;
  /** Wakes all waiters. Later waits resolve at once, and later cancellations are rejected. */
  close(): void;
}

interface Waiter {
  /** Whether what it waits for is there. */
  isReady(): boolean;
  wake(): void;
}

/** Whether something is due earlier than the caller knows; null = nothing is due. */
const isEarlierThan = (nextDueMs: number | null, knownMs: number | null): boolean =>
  nextDueMs !== null && (knownMs === null || nextDueMs < knownMs);

/** A paused queue has no work, whatever is in it. */
const hasWork = (queue: QueueChange | undefined): boolean =>
  queue !== undefined && queue.pending > 0 && !queue.paused;

/** Callers that wait until something is there. */
function createWaiters() {
  const waiters = new Set<Waiter>();
  return {
    waitUntil(isReady: () => boolean, signal: AbortSignal): Promise<void> {
      if (signal.aborted || isReady()) return Promise.resolve();
      return new Promise((resolve) => {
        const waiter: Waiter = {
          isReady,
          wake() {
            waiters.delete(waiter);
            signal.removeEventListener('abort', waiter.wake);
            resolve();
          },
        };
        signal.addEventListener('abort', waiter.wake, { once: true });
        waiters.add(waiter);
      });
    },
    wakeReady(): void {
      for (const waiter of waiters) if (waiter.isReady()) waiter.wake();
    },
  };
}

export function createSignals(broker: string): LocalSignals {
  /** What the writer thread has last reported of each queue. */
  const queues = new Map<string, QueueChange>();
  const { waitUntil, wakeReady } = createWaiters();
  const listeners = new Set<(id: string) => void>();
  let closed = false;

  const waitForWork: Signals['waitForWork'] = (names, signal) =>
    waitUntil(() => closed || names.some((name) => hasWork(queues.get(name))), signal);

  return {
    waitForWork,
    // A backlog needs no signal of its own: within a process a wake-up is cheap, and all idle workers are woken.
    waitForBacklog: waitForWork,
    async announceBacklog() {},
    // Ready when something is due earlier than the caller knows; otherwise the caller sleeps until the time that it knows.
    waitForDue(known: readonly KnownDue[], signal) {
      const isEarlier = ({ queue, nextDueMs }: KnownDue) =>
        isEarlierThan(queues.get(queue)?.nextDueMs ?? null, nextDueMs);
      return waitUntil(() => closed || known.some(isEarlier), signal);
    },
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
    update(changes) {
      for (const change of changes) queues.set(change.name, change);
      if (changes.length > 0) wakeReady();
    },
    close() {
      closed = true;
      listeners.clear();
      // Everybody who waits is ready now.
      wakeReady();
    },
  };
}
