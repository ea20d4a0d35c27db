// Waits for the ends of tasks, on the main thread. The writer thread reports the ends of the tasks that it is told to watch.
import type { TaskRef } from '../../../runtime/events.ts';
import { untilAborted } from '../../../runtime/within.ts';

export interface TaskWaitsDeps {
  /** Resolves to whether the task has ended. If not, `onEnded` is called when it has. */
  awaitEnd(task: TaskRef): Promise<boolean>;
  stopAwaiting(task: TaskRef): Promise<unknown>;
}

const keyOf = ({ queue, id }: TaskRef): string => JSON.stringify([queue, id]);

export class TaskWaits {
  readonly #deps: TaskWaitsDeps;
  /** What ends the waits for a task. */
  readonly #byTask = new Map<string, Set<() => void>>();
  #isClosed = false;

  constructor(deps: TaskWaitsDeps) {
    this.#deps = deps;
  }

  /** Resolves when the task has ended or is not there, or when the signal aborts. Its result is left to others. Never rejects. */
  waitForEnd({ queue, id }: TaskRef, signal: AbortSignal): Promise<null> {
    if (this.#isClosed) return untilAborted(signal).then(() => null);
    if (signal.aborted) return Promise.resolve(null);
    const task = { queue, id };
    return new Promise((resolve) => {
      const waiters = this.#waitersFor(task);
      const end = () => {
        signal.removeEventListener('abort', onAbort);
        waiters.delete(end);
        if (waiters.size === 0 && this.#byTask.get(keyOf(task)) === waiters) this.#byTask.delete(keyOf(task));
        resolve(null);
      };
      const onAbort = () => {
        end();
        if (!this.#byTask.has(keyOf(task))) this.#deps.stopAwaiting(task).catch(() => {});
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiters.add(end);
      // Without an answer the wait ends by its signal: the caller looks again then.
      this.#deps.awaitEnd(task).then(
        (hasEnded) => void (hasEnded && end()),
        () => {},
      );
    });
  }

  /** The thread has seen these tasks end. */
  onEnded(ended: readonly TaskRef[]): void {
    for (const task of ended) for (const end of this.#byTask.get(keyOf(task)) ?? []) end();
  }

  /** Ends all waits. Later ones last until their signal aborts. */
  close(): void {
    this.#isClosed = true;
    for (const waiters of this.#byTask.values()) for (const end of waiters) end();
  }

  #waitersFor(task: TaskRef): Set<() => void> {
    const known = this.#byTask.get(keyOf(task));
    if (known) return known;
    const waiters = new Set<() => void>();
    this.#byTask.set(keyOf(task), waiters);
    return waiters;
  }
}
