import type { Clock } from '../../../runtime/clock.ts';
import { ErrorReply } from '../client/error-replies.ts';
import type { Connection } from '../client/connection.ts';

/** What is watched in each queue: some keys, and what their values mean. */
export interface Subject<State> {
  keys(queue: string): readonly string[];
  /** Reads of exactly these keys: the last commands for them on this connection, so that they arm the watch (design D4). */
  reads(queue: string): readonly (readonly string[])[];
  state(replies: readonly unknown[]): State;
  /** What a change makes of a state, where that is sure enough to act on without a read; null = it is not. Default: never. */
  next?(state: State): State | null;
}

/** What a caller waits for: `wakes` says which state of a queue ends the wait. */
export interface Wait<State> {
  readonly queues: readonly string[];
  wakes(queue: string, state: State): boolean;
}

interface Waiter<State> {
  readonly wait: Wait<State>;
  end(): void;
}

interface Entry<State> {
  readonly queue: string;
  readonly waiters: Set<Waiter<State>>;
  /** The state last read; only while `armed` is it still true, or a message about its change under way. */
  state: State | null;
  armed: boolean;
  /** Grows with each message: a read that overlaps one is repeated, as their handlers may run in either order. */
  changes: number;
  /** The read under way. */
  reading: object | null;
  timer: NodeJS.Timeout | undefined;
  /** The next read is because of a change, not because somebody came. */
  becauseChanged: boolean;
  pauseMs: number;
  idleReadAt: number;
}

export interface KeyWatchDeps {
  readonly clock: Clock;
  /** The connection to the queue's server, or null while there is none. */
  connection(queue: string): Connection | null;
  /** Asks for it; `rearm` when it is there. */
  want(queue: string): void;
  /** A read was refused: the queue may be elsewhere. */
  onRefused?(): void;
}

/** A storm of changes that wake nobody costs one read in so many ms. */
const MAX_PAUSE_MS = 10;
/** After so long without such a change the next one is read at once. */
const CALM_MS = 100;
/** After a refused read (Redis loads its data, a key is of another type). */
const REFUSED_MS = 250;

/** Waits for states of queues, with one read per queue and change however many wait. */
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
  get wanted(): boolean {
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
      for (const entry of entries) if (!this.#knownIdle(entry, waiter)) this.#read(entry);
    });
  }

  /** A key changed; null = any may have. */
  invalidate(key: string | null): void {
    const entries = key === null ? this.#entries.values() : [this.#byKey.get(key)];
    for (const entry of entries) if (entry) this.#changed(entry, key !== null);
  }

  /** The connection is new: nothing is armed any more, of all queues or of those `behind` it. */
  rearm(behind: (queue: string) => boolean = () => true): void {
    for (const entry of this.#entries.values()) {
      if (!behind(entry.queue)) continue;
      entry.reading = null;
      entry.armed = false;
      if (entry.waiters.size > 0) this.#read(entry);
    }
  }

  /** The connection is gone: what changes now, nobody tells. */
  disarm(behind: (queue: string) => boolean = () => true): void {
    for (const entry of this.#entries.values()) if (behind(entry.queue)) entry.armed = false;
  }

  close(): void {
    for (const { timer } of this.#entries.values()) clearTimeout(timer);
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
      becauseChanged: false,
      pauseMs: 0,
      idleReadAt: -Infinity,
    };
    this.#entries.set(queue, entry);
    for (const key of this.#subject.keys(queue)) this.#byKey.set(key, entry);
    return entry;
  }

  /** An armed state is trusted when it wakes nobody: its change would be told. One that wakes is read again. */
  #knownIdle({ armed, state, queue }: Entry<State>, { wait }: Waiter<State>): boolean {
    return armed && state !== null && !wait.wakes(queue, state);
  }

  #changed(entry: Entry<State>, surely: boolean): void {
    const { armed, state } = entry;
    entry.changes += 1;
    entry.armed = false;
    const next = surely && armed && state !== null ? this.#subject.next?.(state) : null;
    if (next !== null && next !== undefined) this.#end(entry, next);
    if (entry.waiters.size > 0 && !entry.reading) this.#readSoon(entry);
  }

  /** Of the waits those that the state wakes. */
  #end({ queue, waiters }: Entry<State>, state: State): void {
    for (const waiter of waiters) if (waiter.wait.wakes(queue, state)) waiter.end();
  }

  #readSoon(entry: Entry<State>): void {
    const calm = this.#deps.clock.monotonicMs() - entry.idleReadAt > CALM_MS;
    if (calm) entry.pauseMs = 0;
    entry.becauseChanged = true;
    if (entry.pauseMs === 0) this.#read(entry);
    else this.#readIn(entry, entry.pauseMs);
  }

  #readIn(entry: Entry<State>, ms: number): void {
    entry.timer ??= setTimeout(() => {
      entry.timer = undefined;
      if (entry.waiters.size > 0) this.#read(entry);
    }, ms);
  }

  #read(entry: Entry<State>): void {
    const connection = this.#deps.connection(entry.queue);
    if (!connection) return this.#deps.want(entry.queue);
    if (entry.reading) return;
    const reading = {};
    const changes = entry.changes;
    entry.reading = reading;
    // All are sent before any is awaited, and a lost connection rejects each of them.
    void Promise.allSettled(this.#subject.reads(entry.queue).map((command) => connection.send(command))).then(
      (results) => {
        if (entry.reading !== reading) return;
        entry.reading = null;
        this.#onRead(entry, results, entry.changes === changes);
      },
    );
  }

  #onRead(entry: Entry<State>, results: readonly PromiseSettledResult<unknown>[], unchanged: boolean): void {
    const replies: unknown[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') replies.push(result.value);
      else if (result.reason instanceof ErrorReply) {
        this.#deps.onRefused?.();
        return this.#readIn(entry, REFUSED_MS);
      }
      // A lost connection: the next one arms everything again.
      else return;
    }
    const state = this.#subject.state(replies);
    entry.state = state;
    entry.armed = unchanged;
    this.#wake(entry, state);
    if (!unchanged && entry.waiters.size > 0) this.#readSoon(entry);
  }

  #wake(entry: Entry<State>, state: State): void {
    const before = entry.waiters.size;
    const { becauseChanged } = entry;
    entry.becauseChanged = false;
    this.#end(entry, state);
    if (entry.waiters.size < before) entry.pauseMs = 0;
    if (entry.waiters.size < before || !becauseChanged) return;
    entry.pauseMs = Math.min(MAX_PAUSE_MS, entry.pauseMs * 2 || 1);
    entry.idleReadAt = this.#deps.clock.monotonicMs();
  }
}
