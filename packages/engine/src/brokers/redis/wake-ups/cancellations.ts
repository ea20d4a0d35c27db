import { CANCEL_CHANNEL } from '../../../protocol/keys.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { Connection } from '../client/connection.ts';

export interface CancellationsDeps {
  readonly runtime: Runtime;
  /** The connection to any node; null while there is none. */
  connection(): Connection | null;
  /** Asks for a connection; `rearm` follows when there is one. */
  connect(): void;
}

type CancelListener = (id: string) => void;

/** Pause after a refused subscription: Redis is loading its data, or the user has no right to the channel. */
const RESUBSCRIBE_PAUSE_MS = 5_000;

/**
 * Receives Asynq's cancellations, task IDs published on one channel, while somebody listens. Redis does not keep published
 * messages: what is published while there is no subscription is lost (docs/design/protocol.md#cancellation-channel). The
 * worker listens in worker/pipeline.ts.
 */
export class Cancellations {
  readonly #deps: CancellationsDeps;
  readonly #listeners = new Set<CancelListener>();
  readonly #closing = new AbortController();
  /** Callers that wait for the subscription. */
  readonly #waiting = new Set<() => void>();
  /** The connection that is subscribed, or is subscribing. */
  #connection: Connection | null = null;
  #isSubscribed = false;

  constructor(deps: CancellationsDeps) {
    this.#deps = deps;
  }

  /** Whether anybody listens. */
  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** Calls the listener for each ID until the signal aborts. Resolves when messages are received, or never will be. */
  listen(listener: CancelListener, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closing.signal.aborted) return Promise.resolve();
    // A wrapper: the caller may listen twice with the same function.
    const wrapper: CancelListener = (id) => listener(id);
    this.#listeners.add(wrapper);
    return new Promise((resolve) => {
      const onSubscribed = () => {
        this.#waiting.delete(onSubscribed);
        resolve();
      };
      this.#waiting.add(onSubscribed);
      const onAbort = () => {
        this.#listeners.delete(wrapper);
        onSubscribed();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#subscribe();
      if (this.#isSubscribed) onSubscribed();
    });
  }

  /** Connections have come or gone: a new one is not subscribed yet. */
  rearm(): void {
    this.disarm();
    if (this.isWanted) this.#subscribe();
  }

  /** A connection is gone; the subscription may have been on it. */
  disarm(): void {
    if (this.#connection && !this.#connection.isLost && this.#connection === this.#deps.connection()) return;
    this.#connection = null;
    this.#isSubscribed = false;
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
    for (const onSubscribed of this.#waiting) onSubscribed();
  }

  #subscribe(): void {
    const connection = this.#deps.connection();
    if (!connection) return this.#deps.connect();
    if (this.#connection === connection) return;
    this.#connection = connection;
    this.#isSubscribed = false;
    connection
      // An old connection may live on for other things; its messages come over the new one, too.
      .subscribe(CANCEL_CHANNEL, (id) => void (this.#connection === connection && this.#callListeners(id)))
      .then(
        () => this.#onSubscribed(connection),
        (error: unknown) => void this.#onRefused(connection, error),
      );
  }

  #onSubscribed(connection: Connection): void {
    if (this.#connection !== connection) return;
    this.#isSubscribed = true;
    for (const onSubscribed of this.#waiting) onSubscribed();
  }

  /** Subscribes again after a pause. Nothing to do for a lost connection: `rearm` is called when another one is up. */
  async #onRefused(connection: Connection, error: unknown): Promise<void> {
    if (this.#connection !== connection || connection.isLost) return;
    const { clock, log } = this.#deps.runtime;
    log.warn({ err: error, channel: CANCEL_CHANNEL }, 'cannot subscribe to cancellations; trying again');
    await clock.sleep(RESUBSCRIBE_PAUSE_MS, this.#closing.signal);
    if (this.#connection !== connection || this.#closing.signal.aborted) return;
    this.#connection = null;
    if (this.isWanted) this.#subscribe();
  }

  #callListeners(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
