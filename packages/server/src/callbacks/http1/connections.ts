import type { Clock } from '@task-center/engine';
import type { ReceiverConnection } from './connection.ts';

/**
 * A connection lives this long, whatever its traffic. A new one looks the receiver's name up again: otherwise a busy one
 * would stay at an address that the name left long ago.
 */
const MAX_CONNECTION_AGE_MS = 120_000;

interface Kept {
  readonly origin: string;
  readonly timer: ReturnType<Clock['after']>;
}

/** The idle connections (_kept_ for the next request), and all that are open. */
export class ReceiverConnections {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly #open = new Set<ReceiverConnection>();
  /** The connection that has been idle longest comes first. */
  readonly #kept = new Map<ReceiverConnection, Kept>();
  readonly #byOrigin = new Map<string, ReceiverConnection[]>();
  #isClosed = false;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'after'>) {
    this.#clock = clock;
  }

  /** A new connection is open. */
  add(connection: ReceiverConnection): void {
    this.#open.add(connection);
    connection.onClose(() => this.#forget(connection));
    if (this.#isClosed) connection.destroy();
  }

  /** Removes the idle connection to the origin that was used last, and returns it. */
  take(origin: string): ReceiverConnection | undefined {
    for (;;) {
      const connection = this.#byOrigin.get(origin)?.at(-1);
      if (connection === undefined) return undefined;
      this.#removeKept(connection);
      if (this.#remainingMs(connection) > 0) return connection;
      connection.destroy();
    }
  }

  /** Keeps a connection for the next request to its origin, for `ms`. It must have been released. */
  keep(origin: string, connection: ReceiverConnection, ms: number): void {
    const keptMs = Math.min(ms, this.#remainingMs(connection));
    if (this.#isClosed || keptMs <= 0) return connection.destroy();
    const timer = this.#clock.after(keptMs, () => connection.destroy()).unref();
    this.#kept.set(connection, { origin, timer });
    const others = this.#byOrigin.get(origin);
    if (others) others.push(connection);
    else this.#byOrigin.set(origin, [connection]);
  }

  /** Closes the connections that have been idle longest until at most `count` are idle. */
  keepOnly(count: number): void {
    for (const connection of this.#kept.keys()) {
      if (this.#kept.size <= count) return;
      connection.destroy();
    }
  }

  /** Closes all connections, and each that is still to come. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#open) connection.destroy();
  }

  #remainingMs({ openedMs }: ReceiverConnection): number {
    return openedMs + MAX_CONNECTION_AGE_MS - this.#clock.monotonicMs();
  }

  #forget(connection: ReceiverConnection): void {
    this.#open.delete(connection);
    this.#removeKept(connection);
  }

  #removeKept(connection: ReceiverConnection): void {
    const kept = this.#kept.get(connection);
    if (kept === undefined) return;
    kept.timer.cancel();
    this.#kept.delete(connection);
    const others = this.#byOrigin.get(kept.origin) ?? [];
    const at = others.lastIndexOf(connection);
    if (at >= 0) others.splice(at, 1);
    if (others.length === 0) this.#byOrigin.delete(kept.origin);
  }
}
