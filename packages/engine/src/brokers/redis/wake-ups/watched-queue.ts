/** What a watch knows about the queues that it watches. */
import type { Timer } from '../../../runtime/clock.ts';

/** What is watched in each queue: some keys, and the state that their values mean. */
export interface Subject<State> {
  keys(queue: string): readonly string[];
  /**
   * Commands that read exactly these keys. They must be the last commands for the keys on this connection: Redis sends an
   * invalidation only for a key that was read after it changed last.
   */
  reads(queue: string): readonly (readonly string[])[];
  state(replies: readonly unknown[]): State;
  /** The state while none of the keys exists. */
  readonly none: State;
  /**
   * The state that a change leads to, where it is certain without another read; null = it is not. Default: it never is.
   */
  next?(state: State): State | null;
}

/** What is known about a queue. */
export interface WatchedQueue<State> {
  readonly queue: string;
  readonly keys: readonly string[];
  /** The state last read. While `armed`, it is still true, or an invalidation is on its way. */
  state: State | null;
  /** Whether Redis will send an invalidation when the state changes. */
  armed: boolean;
  /**
   * Invalidations so far. A read that overlaps one is repeated: the handlers of the reply and of the invalidation may run
   * in either order.
   */
  changes: number;
  /** Identity of the read under way; null = none. */
  reading: object | null;
  timer: Timer | undefined;
  /** Whether the next read is due to a change, not to a new waiter. */
  isAfterChange: boolean;
  /** Pause before the read after the next change. */
  pauseMs: number;
  /** When a read after a change woke no waiter last, monotonic. */
  idleReadMs: number;
}

export function newWatchedQueue<State>(queue: string, keys: readonly string[]): WatchedQueue<State> {
  return {
    queue,
    keys,
    state: null,
    armed: false,
    changes: 0,
    reading: null,
    timer: undefined,
    isAfterChange: false,
    pauseMs: 0,
    idleReadMs: -Infinity,
  };
}
