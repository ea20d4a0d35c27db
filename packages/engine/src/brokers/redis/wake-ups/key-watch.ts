import type { Clock, Timer } from '../../../runtime/clock.ts';
import { ErrorReply } from '../client/error-replies.ts';
import type { Connection } from '../client/connection.ts';

/** What is watched in each queue: some keys, and the state that their values mean. */
export interface Subject<State> {
  keys(queue: string): readonly string[];
  /**
   * Commands that read exactly these keys. They must be the last commands for the keys on this connection: Redis sends an
   * invalidation only for a key that was read after it changed last.
   */
  reads(queue: string): readonly (readonly string[])[];
  state(replies: readonly unknown[]): State;
  /**
   * The state that a change leads to, where it is certain without another read; null = it is not. Default: it never is.
   */
  next?(state: State): State | null;
}

/** What a caller waits for. */
export interface Wait<State> {
  readonly queues: readonly string[];
  /** Whether this state of the queue ends the wait. */
  wakes(queue: string, state: State): boolean;
  /** Whether to collect the queues that wake it at the same time, and to end a turn of the event loop later. */
  readonly collects?: boolean;
}

interface StateWaiter<State> {
  readonly wait: Wait<State>;
  readonly queues: ReadonlySet<string>;
  /** The queues that have woken it. */
  readonly woken: Set<string>;
  end(): void;
}

/** What is known about a queue. */
interface WatchedQueue<State> {
  readonly queue: string;
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

export interface KeyWatchDeps {
  readonly clock: Clock;
  /** The connection to the queue's node; null while there is none. */
  connection(queue: string): Pick<Connection, 'send'> | null;
  /** Asks for this connection; `rearm` follows when there is one. */
  connect(queue: string): void;
  /** A read was refused: the queue may be on another node. */
  onRefused?(): void;
}

/** Longest pause between reads in a storm of changes that wake no waiter. */
const MAX_READ_PAUSE_MS = 10;
/** After this long without such a change the next one is read at once. */
const CALM_MS = 100;
/** Pause after a refused read: Redis is loading its data, or a key has another type. */
const REFUSED_READ_PAUSE_MS = 250;

/**
 * Waits for states of queues by Redis' client-side caching (`CLIENT TRACKING`): Redis sends one invalidation when a key
 * changes that this connection has read. A queue is read once per change, however many callers wait for it.
 */
export class KeyWatch<State> {
  readonly #subject: Subject<State>;
  readonly #deps: KeyWatchDeps;
  readonly #byQueue = new Map<string, WatchedQueue<State>>();
  readonly #byKey = new Map<string, WatchedQueue<State>>();
  readonly #waiters = new Set<StateWaiter<State>>();
  readonly #sets = new WeakMap<readonly string[], ReadonlySet<string>>();

  constructor(subject: Subject<State>, deps: KeyWatchDeps) {
    this.#subject = subject;
    this.#deps = deps;
  }

  /** Whether anybody waits. */
  get isWanted(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves when a queue is in a state that wakes, to such queues; or when the signal aborts. */
  wait(wait: Wait<State>, signal: AbortSignal): Promise<readonly string[]> {
    if (signal.aborted) return Promise.resolve([]);
    return new Promise((resolve) => {
      const woken = new Set<string>();
      const end = () => {
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve([...woken]);
      };
      const waiter: StateWaiter<State> = { wait, queues: this.#setOf(wait.queues), woken, end };
      signal.addEventListener('abort', end, { once: true });
      this.#waiters.add(waiter);
      for (const queue of wait.queues) {
        const watched = this.#watchedQueue(queue);
        if (!this.#isKnownIdle(watched, waiter)) this.#read(watched);
      }
    });
  }

  /** A key changed; null = any key may have changed. */
  invalidate(key: string | null): void {
    const watchedQueues = key === null ? this.#byQueue.values() : [this.#byKey.get(key)];
    for (const watched of watchedQueues) if (watched) this.#onChange(watched, key !== null);
  }

  /** A connection is new: reads again the queues whose keys it serves, because nothing is armed on it. Default: all queues. */
  rearm(isServed: (queue: string) => boolean = () => true): void {
    for (const watched of this.#byQueue.values()) {
      if (!isServed(watched.queue)) continue;
      watched.reading = null;
      watched.armed = false;
      if (this.#isWatched(watched)) this.#read(watched);
    }
  }

  /** A connection is gone: Redis sends no invalidations for the queues that it served. Default: all queues. */
  disarm(isServed: (queue: string) => boolean = () => true): void {
    for (const watched of this.#byQueue.values()) if (isServed(watched.queue)) watched.armed = false;
  }

  close(): void {
    for (const { timer } of this.#byQueue.values()) timer?.cancel();
    for (const waiter of this.#waiters) waiter.end();
  }

  #watchedQueue(queue: string): WatchedQueue<State> {
    let watched = this.#byQueue.get(queue);
    if (watched) return watched;
    watched = {
      queue,
      state: null,
      armed: false,
      changes: 0,
      reading: null,
      timer: undefined,
      isAfterChange: false,
      pauseMs: 0,
      idleReadMs: -Infinity,
    };
    this.#byQueue.set(queue, watched);
    for (const key of this.#subject.keys(queue)) this.#byKey.set(key, watched);
    return watched;
  }

  /**
   * Whether the known state lets this waiter wait. An armed state is trusted if it does not wake the waiter, because Redis
   * would announce its change; a state that wakes is read again.
   */
  #isKnownIdle({ armed, state, queue }: WatchedQueue<State>, { wait }: StateWaiter<State>): boolean {
    return armed && state !== null && !wait.wakes(queue, state);
  }

  /** @param isCertain whether this very queue changed, not just any key */
  #onChange(watched: WatchedQueue<State>, isCertain: boolean): void {
    const { armed, state } = watched;
    watched.changes += 1;
    watched.armed = false;
    const next = isCertain && armed && state !== null ? this.#subject.next?.(state) : null;
    if (next !== null && next !== undefined) this.#wakeWaiters(watched, next);
    if (this.#isWatched(watched) && !watched.reading) this.#readSoon(watched);
  }

  /** Ends the waits that the state wakes. Returns whether there were any. */
  #wakeWaiters({ queue }: WatchedQueue<State>, state: State): boolean {
    let hasWoken = false;
    for (const waiter of this.#waiters) {
      if (!waiter.queues.has(queue) || !waiter.wait.wakes(queue, state)) continue;
      hasWoken = true;
      const isFirst = waiter.woken.size === 0;
      waiter.woken.add(queue);
      if (waiter.wait.collects !== true) waiter.end();
      else if (isFirst) setImmediate(waiter.end);
    }
    return hasWoken;
  }

  /** Whether somebody waits for the queue who was not woken by it yet. */
  #isWatched({ queue }: WatchedQueue<State>): boolean {
    for (const { queues, woken } of this.#waiters) if (queues.has(queue) && !woken.has(queue)) return true;
    return false;
  }

  /** The set of these queues. Callers wait for the same list again and again. */
  #setOf(queues: readonly string[]): ReadonlySet<string> {
    let set = this.#sets.get(queues);
    if (!set) this.#sets.set(queues, (set = new Set(queues)));
    return set;
  }

  /** Reads after a change: at once, or after a pause while changes wake no waiter. */
  #readSoon(watched: WatchedQueue<State>): void {
    const isCalm = this.#deps.clock.monotonicMs() - watched.idleReadMs > CALM_MS;
    if (isCalm) watched.pauseMs = 0;
    watched.isAfterChange = true;
    if (watched.pauseMs === 0) this.#read(watched);
    else this.#readIn(watched, watched.pauseMs);
  }

  #readIn(watched: WatchedQueue<State>, ms: number): void {
    watched.timer ??= this.#deps.clock.after(ms, () => {
      watched.timer = undefined;
      if (this.#isWatched(watched)) this.#read(watched);
    });
  }

  #read(watched: WatchedQueue<State>): void {
    const connection = this.#deps.connection(watched.queue);
    if (!connection) return this.#deps.connect(watched.queue);
    if (watched.reading) return;
    const reading = {};
    const changes = watched.changes;
    watched.reading = reading;
    // All commands are sent before any is awaited. A lost connection rejects each of them.
    void Promise.allSettled(
      this.#subject.reads(watched.queue).map((command) => connection.send(command)),
    ).then((results) => {
      if (watched.reading !== reading) return;
      watched.reading = null;
      this.#onRead(watched, results, watched.changes === changes);
    });
  }

  #onRead(
    watched: WatchedQueue<State>,
    results: readonly PromiseSettledResult<unknown>[],
    isUnchanged: boolean,
  ): void {
    const replies: unknown[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') replies.push(result.value);
      else if (result.reason instanceof ErrorReply) {
        this.#deps.onRefused?.();
        return this.#readIn(watched, REFUSED_READ_PAUSE_MS);
      }
      // The connection is lost: `rearm` reads again when there is another one.
      else return;
    }
    const state = this.#subject.state(replies);
    watched.state = state;
    watched.armed = isUnchanged;
    this.#applyState(watched, state);
    if (!isUnchanged && this.#isWatched(watched)) this.#readSoon(watched);
  }

  /** Ends the waits that the state wakes; after a change that wakes none, the next pause is longer. */
  #applyState(watched: WatchedQueue<State>, state: State): void {
    const { isAfterChange } = watched;
    watched.isAfterChange = false;
    if (this.#wakeWaiters(watched, state)) {
      watched.pauseMs = 0;
      return;
    }
    if (!isAfterChange) return;
    watched.pauseMs = Math.min(MAX_READ_PAUSE_MS, watched.pauseMs * 2 || 1);
    watched.idleReadMs = this.#deps.clock.monotonicMs();
  }
}
