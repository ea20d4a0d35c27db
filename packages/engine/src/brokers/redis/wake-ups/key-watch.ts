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
}

interface Waiter<State> {
  readonly wait: Wait<State>;
  end(): void;
}

/** A watched queue. */
interface Entry<State> {
  readonly queue: string;
  readonly waiters: Set<Waiter<State>>;
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
const MAX_PAUSE_MS = 10;
/** After this long without such a change the next one is read at once. */
const CALM_MS = 100;
/** Pause after a refused read: Redis is loading its data, or a key has another type. */
const REFUSED_PAUSE_MS = 250;

/**
 * Waits for states of queues by Redis' client-side caching (`CLIENT TRACKING`): Redis sends one invalidation when a key
 * changes that this connection has read. A queue is read once per change, however many callers wait for it.
 */
export class KeyWatch<State> {
  readonly #subject: Subject<State>;
  readonly #deps: KeyWatchDeps;
  readonly #entries = new Map<string, Entry<State>>();
  readonly #byKey = new Map<string, Entry<State>>();
  readonly #waiters = new Set<Waiter<State>>();

  constructor(subject: Subject<State>, deps: KeyWatchDeps) {
    this.#subject = subject;
    this.#deps = deps;
  }

  /** Whether anybody waits. */
  get isWanted(): boolean {
    return this.#waiters.size > 0;
  }

  /** Resolves when a queue is in a state that wakes, or the signal aborts. */
  wait(wait: Wait<State>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const entries = wait.queues.map((queue) => this.#entry(queue));
      const end = () => {
        for (const { waiters } of entries) waiters.delete(waiter);
        this.#waiters.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const waiter: Waiter<State> = { wait, end };
      signal.addEventListener('abort', end, { once: true });
      this.#waiters.add(waiter);
      for (const entry of entries) entry.waiters.add(waiter);
      for (const entry of entries) if (!this.#isKnownIdle(entry, waiter)) this.#read(entry);
    });
  }

  /** A key changed; null = any key may have changed. */
  invalidate(key: string | null): void {
    const entries = key === null ? this.#entries.values() : [this.#byKey.get(key)];
    for (const entry of entries) if (entry) this.#onChange(entry, key !== null);
  }

  /** A connection is new: reads again the queues whose keys it serves, because nothing is armed on it. Default: all queues. */
  rearm(isServed: (queue: string) => boolean = () => true): void {
    for (const entry of this.#entries.values()) {
      if (!isServed(entry.queue)) continue;
      entry.reading = null;
      entry.armed = false;
      if (entry.waiters.size > 0) this.#read(entry);
    }
  }

  /** A connection is gone: Redis sends no invalidations for the queues that it served. Default: all queues. */
  disarm(isServed: (queue: string) => boolean = () => true): void {
    for (const entry of this.#entries.values()) if (isServed(entry.queue)) entry.armed = false;
  }

  close(): void {
    for (const { timer } of this.#entries.values()) timer?.cancel();
    for (const waiter of this.#waiters) waiter.end();
  }

  #entry(queue: string): Entry<State> {
    let entry = this.#entries.get(queue);
    if (entry) return entry;
    entry = {
      queue,
      waiters: new Set(),
      state: null,
      armed: false,
      changes: 0,
      reading: null,
      timer: undefined,
      isAfterChange: false,
      pauseMs: 0,
      idleReadMs: -Infinity,
    };
    this.#entries.set(queue, entry);
    for (const key of this.#subject.keys(queue)) this.#byKey.set(key, entry);
    return entry;
  }

  /**
   * Whether the known state lets this waiter wait. An armed state is trusted if it does not wake the waiter, because Redis
   * would announce its change; a state that wakes is read again.
   */
  #isKnownIdle({ armed, state, queue }: Entry<State>, { wait }: Waiter<State>): boolean {
    return armed && state !== null && !wait.wakes(queue, state);
  }

  /** @param isCertain whether this very queue changed, not just any key */
  #onChange(entry: Entry<State>, isCertain: boolean): void {
    const { armed, state } = entry;
    entry.changes += 1;
    entry.armed = false;
    const next = isCertain && armed && state !== null ? this.#subject.next?.(state) : null;
    if (next !== null && next !== undefined) this.#wakeWaiters(entry, next);
    if (entry.waiters.size > 0 && !entry.reading) this.#readSoon(entry);
  }

  /** Ends the waits that the state wakes. */
  #wakeWaiters({ queue, waiters }: Entry<State>, state: State): void {
    for (const waiter of waiters) if (waiter.wait.wakes(queue, state)) waiter.end();
  }

  /** Reads after a change: at once, or after a pause while changes wake no waiter. */
  #readSoon(entry: Entry<State>): void {
    const isCalm = this.#deps.clock.monotonicMs() - entry.idleReadMs > CALM_MS;
    if (isCalm) entry.pauseMs = 0;
    entry.isAfterChange = true;
    if (entry.pauseMs === 0) this.#read(entry);
    else this.#readIn(entry, entry.pauseMs);
  }

  #readIn(entry: Entry<State>, ms: number): void {
    entry.timer ??= this.#deps.clock.after(ms, () => {
      entry.timer = undefined;
      if (entry.waiters.size > 0) this.#read(entry);
    });
  }

  #read(entry: Entry<State>): void {
    const connection = this.#deps.connection(entry.queue);
    if (!connection) return this.#deps.connect(entry.queue);
    if (entry.reading) return;
    const reading = {};
    const changes = entry.changes;
    entry.reading = reading;
    // All commands are sent before any is awaited. A lost connection rejects each of them.
    void Promise.allSettled(this.#subject.reads(entry.queue).map((command) => connection.send(command))).then(
      (results) => {
        if (entry.reading !== reading) return;
        entry.reading = null;
        this.#onRead(entry, results, entry.changes === changes);
      },
    );
  }

  #onRead(
    entry: Entry<State>,
    results: readonly PromiseSettledResult<unknown>[],
    isUnchanged: boolean,
  ): void {
    const replies: unknown[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') replies.push(result.value);
      else if (result.reason instanceof ErrorReply) {
        this.#deps.onRefused?.();
        return this.#readIn(entry, REFUSED_PAUSE_MS);
      }
      // The connection is lost: `rearm` reads again when there is another one.
      else return;
    }
    const state = this.#subject.state(replies);
    entry.state = state;
    entry.armed = isUnchanged;
    this.#applyState(entry, state);
    if (!isUnchanged && entry.waiters.size > 0) this.#readSoon(entry);
  }

  /** Ends the waits that the state wakes; after a change that wakes none, the next pause is longer. */
  #applyState(entry: Entry<State>, state: State): void {
    const before = entry.waiters.size;
    const { isAfterChange } = entry;
    entry.isAfterChange = false;
    this.#wakeWaiters(entry, state);
    if (entry.waiters.size < before) entry.pauseMs = 0;
    if (entry.waiters.size < before || !isAfterChange) return;
    entry.pauseMs = Math.min(MAX_PAUSE_MS, entry.pauseMs * 2 || 1);
    entry.idleReadMs = this.#deps.clock.monotonicMs();
  }
}
