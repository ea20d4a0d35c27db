import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf, errorActionOf, ErrorReply } from './error-replies.ts';
import { openConnection, type Connection } from './connection.ts';
import type { Topology } from './topology/topology.ts';

export interface ReconnectingConnectionDeps {
  readonly topology: Topology;
  /** Which of its servers. */
  readonly node: string;
  readonly runtime: Runtime;
  /** Whether anybody still waits for the connection. */
  isWanted(): boolean;
  onUp(connection: Connection): void;
  /** The server answered and will not have us: wrong password, no rights. */
  onRefused?(reply: Error): void;
  onDown?(): void;
  /** An attempt to connect failed. */
  onFailed?(): void;
  readonly onInvalidate?: (key: string | null) => void;
}

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** A connection that lived so long was a good one: the next attempt comes at once. */
const MIN_LIFE_MS = 1_000;

/** Keeps one connection open while somebody wants it: opens another when it is lost. */
export class ReconnectingConnection {
  readonly #deps: ReconnectingConnectionDeps;
  readonly #closing = new AbortController();
  #current: Connection | null = null;
  #cause: string | null = null;
  #connecting = false;
  #failures = 0;
  #upSince = 0;

  constructor(deps: ReconnectingConnectionDeps) {
    this.#deps = deps;
  }

  /** Null while it is down. */
  get current(): Connection | null {
    return this.#current;
  }

  /** Why it is down, or was down last. */
  get cause(): string | null {
    return this.#cause;
  }

  /** Connects if it is down, and tries on while `wanted` says so. */
  connect(): void {
    if (this.#current || this.#connecting || this.#closing.signal.aborted) return;
    this.#connecting = true;
    void this.#connect();
  }

  /** Ends the connection: it leads to the wrong server. A newer connection stays. */
  replace(connection: Connection, cause: string): void {
    if (connection !== this.#current) return;
    connection.destroy();
    this.#onLost(cause);
  }

  close(): void {
    this.#closing.abort();
    this.#current?.destroy();
    this.#current = null;
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#current && !signal.aborted && this.#deps.isWanted()) {
      await this.#pause(signal);
      if (!signal.aborted && this.#deps.isWanted()) await this.#attempt();
    }
    this.#connecting = false;
  }

  /** After failures; grows with their number, and is never the same for two processes. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failures === 0) return;
    const { clock, random } = this.#deps.runtime;
    const ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 10));
    await clock.sleep(ms * (0.5 + random() / 2), signal);
  }

  async #attempt(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const connection = await this.#open(signal);
      if (signal.aborted || connection.lost) return connection.destroy();
      this.#upSince = this.#deps.runtime.clock.monotonicMs();
      this.#current = connection;
      this.#deps.onUp(connection);
    } catch (error) {
      this.#cause = causeOf(error);
      this.#failures += 1;
      if (error instanceof ErrorReply && errorActionOf(error) !== 'wait') this.#deps.onRefused?.(error);
      this.#deps.onFailed?.();
    }
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const { topology, node, runtime, onInvalidate } = this.#deps;
    const connection = await openConnection({
      target: await topology.locate(node, signal),
      clock: runtime.clock,
      signal,
      onLost: (cause) => this.#onLost(cause),
      ...(onInvalidate && { onInvalidate }),
    });
    try {
      await topology.verify(connection);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  #onLost(cause: string): void {
    const livedMs = this.#deps.runtime.clock.monotonicMs() - this.#upSince;
    this.#failures = livedMs < MIN_LIFE_MS ? this.#failures + 1 : 0;
    this.#current = null;
    this.#cause = cause;
    this.#deps.onDown?.();
    if (this.#deps.isWanted()) this.connect();
  }
}
