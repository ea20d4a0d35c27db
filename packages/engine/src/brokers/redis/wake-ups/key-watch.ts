import type { Clock } from '../../../runtime/clock.ts';
import { partsOf } from '../calls/over-queues.ts';
import { ErrorReply } from '../client/error-replies.ts';
import type { Connection } from '../client/connection.ts';
import { readTogether } from './read-together.ts';
import { newWatchedQueue, type Subject, type WatchedQueue } from './watched-queue.ts';

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

export interface KeyWatchDeps {
  readonly clock: Clock;
  /** The connection to the queue's node; null while there is none. */
  connection(queue: string): Pick<Connection, 'send'> | null;
  /** Asks for this connection; `rearm` follows when there is one. */
  connect(queue: string): void;
  /** Whether one command may have the keys of several queues. */
  readonly isClustered: boolean;
  /** A read was refused: the queue may be on another node. */
  onRefused?(): void;
}

/** More queues than this are read together first: most of them have nothing. */
const READ_ALONE = 16;
/** Queues that are read by one command. */
const READ_TOGETHER = 128;
/** Longest pause between reads in a storm of changes that wake no waiter. */
const MAX_READ_PAUSE_MS = 10;
/** After this long without such a change the next one is read at once. */
const CALM_MS = 100;
/** Pause after a refused read: Redis is loading its data, or a key has another type. */
export const REFUSED_READ_PAUSE_MS = 250;

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
      const watched = wait.queues.map((queue) => this.#watchedQueue(queue));
      this.#readAll(watched.filter((each) => !this.#isKnownIdle(each, waiter)));
    });
  }

  /** A key changed; null = any key may have changed. */
  invalidate(key: string | null): void {
    const watchedQueues = key === null ? this.#byQueue.values() : [this.#byKey.get(key)];
    for (const watched of watchedQueues) if (watched) this.#onChange(watched, key !== null);
  }

  /** A connection is new: reads again the queues whose keys it serves, because nothing is armed on it. Default: all queues. */
  rearm(isServed: (queue: string) => boolean = () => true): void {
    const served = [...this.#byQueue.values()].filter(({ queue }) => isServed(queue));
    for (const watched of served) Object.assign(watched, { reading: null, armed: false });
    this.#readAll(served.filter((watched) => this.#isWatched(watched)));
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
    watched = newWatchedQueue(queue, this.#subject.keys(queue));
    this.#byQueue.set(queue, watched);
    for (const key of watched.keys) this.#byKey.set(key, watched);
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

  #readAll(watched: readonly WatchedQueue<State>[]): void {
    const isFew = watched.length <= READ_ALONE;
    if (this.#deps.isClustered || isFew) return watched.forEach((each) => this.#read(each));
    const { connection, connect } = this.#deps;
    for (const part of partsOf(watched, READ_TOGETHER))
      readTogether(part, {
        connection,
        connect,
        onNone: (each, isUnchanged) => this.#onState(each, this.#subject.none, isUnchanged),
        readAlone: (each) => void (this.#isWatched(each) && this.#read(each)),
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
    this.#onState(watched, this.#subject.state(replies), isUnchanged);
  }

  #onState(watched: WatchedQueue<State>, state: State, isUnchanged: boolean): void {
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
