import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { KnownDue, Signals } from '../../../../broker/signals.ts';
import type { QueueChange } from '../../states.ts';

/** Wake-ups within the process: nobody else can write to the file, so the writer's news tell all. */
export interface LocalSignals extends Signals {
  update(news: readonly QueueChange[]): void;
  /** Wakes everybody, now and from now on. */
  close(): void;
}

interface Waiter {
  ready(): boolean;
  wake(): void;
}

const isDue = (nextDueMs: number | null, knownMs: number | null): boolean =>
  nextDueMs !== null && (knownMs === null || nextDueMs < knownMs);

const hasWork = (queue: QueueChange | undefined): boolean =>
  queue !== undefined && queue.pending > 0 && !queue.paused;

export function createSignals(broker: string): LocalSignals {
  const queues = new Map<string, QueueChange>();
  const waiters = new Set<Waiter>();
  const listeners = new Set<(id: string) => void>();
  let closed = false;

  function until(ready: () => boolean, signal: AbortSignal): Promise<void> {
    if (closed || signal.aborted || ready()) return Promise.resolve();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        ready,
        wake() {
          waiters.delete(waiter);
          signal.removeEventListener('abort', waiter.wake);
          resolve();
        },
      };
      signal.addEventListener('abort', waiter.wake, { once: true });
      waiters.add(waiter);
    });
  }

  const work: Signals['work'] = (names, signal) =>
    until(() => names.some((name) => hasWork(queues.get(name))), signal);

  return {
    work,
    // Within a process a wake-up costs nothing.
    backlog: work,
    async tellBacklog() {},
    due(known: readonly KnownDue[], signal) {
      const isEarlier = ({ queue, nextDueMs }: KnownDue) =>
        isDue(queues.get(queue)?.nextDueMs ?? null, nextDueMs);
      return until(() => known.some(isEarlier), signal);
    },
    async cancel(ids) {
      if (closed) throw new TaskCenterError('broker-closed', { broker });
      for (const id of ids) for (const listener of listeners) listener(id);
    },
    async onCancelled(listener, signal) {
      if (closed || signal.aborted) return;
      // The caller may listen twice with the same function.
      const own = (id: string) => listener(id);
      listeners.add(own);
      signal.addEventListener('abort', () => listeners.delete(own), { once: true });
    },
    update(news) {
      for (const one of news) queues.set(one.name, one);
      if (news.length > 0) for (const waiter of waiters) if (waiter.ready()) waiter.wake();
    },
    close() {
      closed = true;
      listeners.clear();
      for (const waiter of waiters) waiter.wake();
    },
  };
}
