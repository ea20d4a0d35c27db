import type { TaskRef } from '../runtime/events.ts';

/** The earliest due time of a queue that a caller knows, from `Maintain.forward`. */
export interface KnownDue {
  readonly queue: string;
  /** Wall-clock ms by the broker's clock; null = nothing waits. */
  readonly nextDueMs: number | null;
}

/** When something of a queue is due next. */
export interface NextDue extends Pick<KnownDue, 'nextDueMs'> {
  /** The same in ms from now; null = nothing waits. */
  readonly nextInMs: number | null;
}

/**
 * Wake-ups and cancellations: docs/design/engine.md#wake-ups.
 *
 * Each `waitFor…` resolves when there may be something to do, and at once if there is already. It may resolve without a
 * reason. It also resolves when the signal aborts, and never rejects. Signals may be lost, and a broker that is out of
 * reach sends none: callers must also poll. A cancellation may be lost in the same way.
 */
export interface Signals {
  /** Waits until something is pending in one of the queues that is not paused. */
  waitForWork(queues: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Waits until a worker announces a backlog in one of the queues. A broker of one process may resolve as `waitForWork`
   * does.
   */
  waitForBacklog(queues: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * If something is pending in the queue, wakes the callers of `waitForBacklog`.
   *
   * @throws TaskCenterError as any call
   */
  announceBacklog(queue: string): Promise<void>;
  /**
   * Waits until in one of the queues something is due earlier than the caller knows. Resolves to the queues in which that
   * was seen; none when the signal aborts.
   */
  waitForDue(known: readonly KnownDue[], signal: AbortSignal): Promise<readonly string[]>;
  /** What the broker has at hand of a queue for which `waitForDue` has resolved; null = `Maintain.forward` must be called. */
  nextDueOf(queue: string): NextDue | null;
  /**
   * Waits until the task is completed, cancelled or archived, or is not there. It is given by its stored ID. A Go
   * worker or a Go tool may end it, which announces nothing. A task that nobody waits for costs nothing. Resolves to the
   * result of a task that has succeeded, if the broker has it at hand; null = the caller must look at the task.
   */
  waitForEnd(task: TaskRef, signal: AbortSignal): Promise<Uint8Array | null>;
  /**
   * Asks the workers that run tasks with these stored IDs, in any queue, to stop them. Resolves when the request is
   * published; there is no answer, as in Asynq. An ID that no worker runs does no harm.
   *
   * @throws TaskCenterError as any call
   */
  cancel(ids: readonly string[]): Promise<void>;
  /**
   * Calls the listener with each stored ID whose task should stop, until the signal aborts. Resolves once it listens.
   * Never rejects: while the broker is out of reach it keeps trying, and requests made meanwhile are lost.
   */
  onCancelled(listener: (id: string) => void, signal: AbortSignal): Promise<void>;
}
