/** What a caller knows of a queue's earliest due time, from `forward`. */
export interface KnownDue {
  readonly queue: string;
  /** Wall-clock ms by the broker's clock; null = nothing waits. */
  readonly nextDueMs: number | null;
}

/**
 * Wake-ups (design D4). A promise resolves when there may be something to do, at once if there is already;
 * it may resolve for nothing, and it resolves when the signal aborts; it never rejects. Messages may be lost
 * (a broker out of reach sends none), so callers keep a poll underneath. Cancellations, too, are messages that may be
 * lost.
 */
export interface Signals {
  /** Something is pending in one of the queues, and that queue is not paused. */
  work(queues: readonly string[], signal: AbortSignal): Promise<void>;
  /** Somebody tells of a backlog in one of the queues. A broker of one process may resolve as `work` does. */
  backlog(queues: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * If something is pending in the queue, tells those who wait for its backlog.
   *
   * @throws TaskCenterError as any call
   */
  tellBacklog(queue: string): Promise<void>;
  /** In one of the queues something is due earlier than the caller knows. */
  due(known: readonly KnownDue[], signal: AbortSignal): Promise<void>;
  /**
   * Asks whoever works on tasks with these stored IDs, in any queue, to stop. Resolves when it is said; nobody tells
   * whether it was heard (protocol D30), and an ID that nobody works on does no harm.
   *
   * @throws TaskCenterError as any call
   */
  cancel(ids: readonly string[]): Promise<void>;
  /**
   * Calls the listener with each stored ID that is asked to stop, until the signal aborts. Resolves when it hears;
   * it never rejects: it tries on while the broker is out of reach, and what is said meanwhile is lost.
   */
  onCancelled(listener: (id: string) => void, signal: AbortSignal): Promise<void>;
}
