import { CANCEL_CHANNEL } from '../../../protocol/keys.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { Connection } from '../client/connection.ts';

export interface CancellationParts {
  readonly runtime: Runtime;
  /** The connection, or null while there is none. */
  connection(): Connection | null;
  /** Asks for a connection; `rearm` when it is there. */
  want(): void;
}

type Listener = (id: string) => void;

/** After a refused subscription: Redis loads its data, or the user has no right to the channel. */
const REFUSED_MS = 5_000;

/** Hears Asynq's cancellations (protocol 3.25) on whatever connection there is, for as long as somebody listens. */
export class Cancellations {
  readonly #deps: CancellationParts;
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  /** Callers who wait for the first subscription. */
  readonly #waiting = new Set<() => void>();
  /** The connection that hears, or is being asked to. */
  #connection: Connection | null = null;
  #hears = false;

  constructor(deps: CancellationParts) {
    this.#deps = deps;
  }

  /** Whether anybody listens. */
  get wanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** Resolves when messages are heard, or never will be. */
  listen(listener: Listener, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closing.signal.aborted) return Promise.resolve();
    // The caller may listen twice with the same function.
    const own: Listener = (id) => listener(id);
    this.#listeners.add(own);
    return new Promise((resolve) => {
      const heard = () => {
        this.#waiting.delete(heard);
        resolve();
      };
      this.#waiting.add(heard);
      const end = () => {
        this.#listeners.delete(own);
        heard();
      };
      signal.addEventListener('abort', end, { once: true });
      this.#subscribe();
      if (this.#hears) heard();
    });
  }

  /** Links have come or gone: on a new one nothing is heard yet. */
  rearm(): void {
    this.disarm();
    if (this.wanted) this.#subscribe();
  }

  /** A connection is gone. */
  disarm(): void {
    if (this.#connection && !this.#connection.lost && this.#connection === this.#deps.connection()) return;
    this.#connection = null;
    this.#hears = false;
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
    for (const heard of this.#waiting) heard();
  }

  #subscribe(): void {
    const connection = this.#deps.connection();
    if (!connection) return this.#deps.want();
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#hears = false;
    connection
      // One that is heard no longer may live on for other things.
      .subscribe(CANCEL_CHANNEL, (id) => void (this.#connection === connection && this.#tell(id)))
      .then(
        () => this.#onHeard(connection),
        (error: unknown) => void this.#onRefused(connection, error),
      );
  }

  #onHeard(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#hears = true;
    for (const heard of this.#waiting) heard();
  }

  /** A lost connection is replaced, and `rearm` called; one that lives is asked again. */
  async #onRefused(connection: Connection, error: unknown): Promise<void> {
    if (this.#connection !== connection || connection.lost) return;
    const { clock, log } = this.#deps.runtime;
    log.warn({ err: error, channel: CANCEL_CHANNEL }, 'cancellations cannot be heard; trying again');
    await clock.sleep(REFUSED_MS, this.#closing.signal);
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#connection = null;
    if (this.wanted) this.#subscribe();
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
