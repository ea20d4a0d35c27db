import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf, errorActionOf, ErrorReply } from './error-replies.ts';
import { Connection } from './connection.ts';
import type { Topology } from './topology/topology.ts';

export interface ReconnectingConnectionDeps {
  readonly topology: Topology;
  /** The node to connect to, as the topology names it. */
  readonly node: string;
  readonly runtime: Runtime;
  /** Whether anybody still waits for the connection. */
  isWanted(): boolean;
  onUp(connection: Connection): void;
  /** The server answered and refused us, such as for a wrong password or missing rights. */
  onRefused?(reply: Error): void;
  onDown?(): void;
  /** An attempt to connect failed. */
  onFailed?(): void;
  readonly onInvalidate?: (key: string | null) => void;
}

/** Pauses between attempts, before chance takes up to one half off. */
const MIN_RECONNECT_PAUSE_MS = 50;
const MAX_RECONNECT_PAUSE_MS = 1_000;
/** A connection that lived this long worked: the attempt to replace it comes at once. */
const MIN_LIFE_MS = 1_000;

/** Keeps one connection to a node open while somebody wants it: opens another when it is lost. */
export class ReconnectingConnection {
  readonly #deps: ReconnectingConnectionDeps;
  readonly #closing = new AbortController();
  #current: Connection | null = null;
  #cause: string | null = null;
  #isConnecting = false;
  /** Failed attempts and early losses in a row. */
  #failures = 0;
  #upSinceMs = 0;

  constructor(deps: ReconnectingConnectionDeps) {
    this.#deps = deps;
  }

  /** The open connection; null while it is down. */
  get current(): Connection | null {
    return this.#current;
  }

  /** Why the last connection or the last attempt failed; null = none has. */
  get cause(): string | null {
    return this.#cause;
  }

  /** Connects if it is down. Repeats failed attempts while `isWanted` says so. */
  connect(): void {
    if (this.#current || this.#isConnecting || this.#closing.signal.aborted) return;
    this.#isConnecting = true;
    void this.#connect();
  }

  /** Ends this connection, because it leads to the wrong server. If a newer one is open already, that one stays. */
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
    this.#isConnecting = false;
  }

  /** Pauses after failures. The pause grows with their number; chance keeps processes from connecting in step. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failures === 0) return;
    const { clock, random } = this.#deps.runtime;
    const ms = Math.min(
      MAX_RECONNECT_PAUSE_MS,
      MIN_RECONNECT_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 10),
    );
    await clock.sleep(ms * (0.5 + random() / 2), signal);
  }

  async #attempt(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const connection = await this.#open(signal);
      if (signal.aborted || connection.isLost) return connection.destroy();
      this.#upSinceMs = this.#deps.runtime.clock.monotonicMs();
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
    const connection = await Connection.open({
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
    const livedMs = this.#deps.runtime.clock.monotonicMs() - this.#upSinceMs;
    this.#failures = livedMs < MIN_LIFE_MS ? this.#failures + 1 : 0;
    this.#current = null;
    this.#cause = cause;
    this.#deps.onDown?.();
    if (this.#deps.isWanted()) this.connect();
  }
}
