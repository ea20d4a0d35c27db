import type { TaskRef } from '../../../runtime/events.ts';
import type { Timer } from '../../../runtime/clock.ts';
import { taskKey } from '../../../protocol/keys.ts';
import { ErrorReply } from '../client/error-replies.ts';
import { REFUSED_READ_PAUSE_MS, type KeyWatchDeps } from './key-watch.ts';

/** A task that somebody waits for. */
interface WatchedTask {
  readonly key: string;
  readonly queue: string;
  /** Each ends one wait: with the result, or with null where others must look for it. */
  readonly waiters: Set<(result: Uint8Array | null) => void>;
  /** Invalidations so far. A read that overlaps one is repeated. */
  changes: number;
  /** Identity of the read under way; null = none. */
  reading: object | null;
  timer: Timer | undefined;
}

/** In the own state of a cancelled task Asynq's is `completed`. */
const FINAL: ReadonlySet<string> = new Set(['completed', 'archived']);

/**
 * Waits for the ends of tasks as `KeyWatch` waits for states of queues: Redis sends an invalidation when a task's hash that was
 * read changes or is deleted. Tasks are many and short-lived, so each has its own waiters, and is forgotten with the last one.
 */
export class TaskWatch {
  readonly #deps: KeyWatchDeps;
  readonly #byKey = new Map<string, WatchedTask>();

  constructor(deps: KeyWatchDeps) {
    this.#deps = deps;
  }

  /** Whether anybody waits. */
  get isWanted(): boolean {
    return this.#byKey.size > 0;
  }

  /** Resolves when the task has ended or is not there, or when the signal aborts. */
  waitForEnd({ queue, id }: TaskRef, signal: AbortSignal): Promise<Uint8Array | null> {
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const watched = this.#watchedTask(queue, taskKey(queue, id));
      const onAbort = () => end(null);
      const end = (result: Uint8Array | null) => {
        signal.removeEventListener('abort', onAbort);
        watched.waiters.delete(end);
        if (watched.waiters.size === 0) this.#forget(watched);
        resolve(result);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      watched.waiters.add(end);
      this.#read(watched);
    });
  }

  /** A key changed; null = any key may have changed. */
  invalidate(key: string | null): void {
    const changed = key === null ? this.#byKey.values() : [this.#byKey.get(key)];
    for (const watched of changed) {
      if (!watched) continue;
      watched.changes += 1;
      this.#read(watched);
    }
  }

  /** A connection is new: reads again the tasks that it serves, because nothing is armed on it. Default: all tasks. */
  rearm(isServed: (queue: string) => boolean = () => true): void {
    for (const watched of this.#byKey.values()) {
      if (!isServed(watched.queue)) continue;
      watched.reading = null;
      this.#read(watched);
    }
  }

  /** A connection is gone. The next one is armed by `rearm`. */
  disarm(): void {}

  close(): void {
    for (const { waiters } of this.#byKey.values()) for (const end of waiters) end(null);
  }

  #watchedTask(queue: string, key: string): WatchedTask {
    const known = this.#byKey.get(key);
    if (known) return known;
    const watched = {
      key,
      queue,
      waiters: new Set<(result: Uint8Array | null) => void>(),
      changes: 0,
      reading: null,
      timer: undefined,
    };
    this.#byKey.set(key, watched);
    return watched;
  }

  #forget(watched: WatchedTask): void {
    watched.timer?.cancel();
    watched.reading = null;
    this.#byKey.delete(watched.key);
  }

  #read(watched: WatchedTask): void {
    const connection = this.#deps.connection(watched.queue);
    if (!connection) return this.#deps.connect(watched.queue);
    if (watched.reading) return;
    const reading = {};
    const { changes } = watched;
    watched.reading = reading;
    // The result comes along: most waits need no other call.
    connection.send(['HMGET', watched.key, 'state', 'tc:s', 'result']).then(
      (reply) => {
        if (watched.reading !== reading) return;
        watched.reading = null;
        const [state, ownState, result] = reply as readonly (Buffer | null)[];
        const hasSucceeded = String(state) === 'completed' && ownState === null;
        if (state === null || FINAL.has(String(state)))
          for (const end of watched.waiters) end(hasSucceeded ? (result ?? null) : null);
        else if (watched.changes !== changes) this.#read(watched);
      },
      (error: unknown) => {
        // After a loss of the connection `rearm` reads again.
        if (watched.reading !== reading || !(error instanceof ErrorReply)) return;
        watched.reading = null;
        this.#deps.onRefused?.();
        this.#readLater(watched);
      },
    );
  }

  #readLater(watched: WatchedTask): void {
    watched.timer ??= this.#deps.clock.after(REFUSED_READ_PAUSE_MS, () => {
      watched.timer = undefined;
      this.#read(watched);
    });
  }
}
