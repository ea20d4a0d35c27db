import type { Connection } from '../connection.ts';
import type { ConnectionTarget } from '../url.ts';

/**
 * Which servers there are, and which of them has what. A *place* is the name of one: `host:port` where there are
 * several. When a place ceases to be one, its connections are closed and its calls made where their keys are then.
 */
export interface Topology {
  /** Whether keys are spread over servers by their slots. */
  readonly clustered: boolean;
  /** Whether a server that has become a replica is left for its successor. */
  readonly hasFailover: boolean;
  /** The server that has the key (null: any server will do); null while nobody knows. */
  nodeOf(key: string | null): string | null;
  /** All servers that have keys, as far as they are known. */
  nodes(): readonly string[];
  /** Where to connect to for a place: asked before every attempt. */
  locate(place: string, signal: AbortSignal): Promise<ConnectionTarget>;
  /** Rejects when what the new connection leads to is not what the place stands for. */
  verify(connection: Connection): Promise<void>;
  /** A server said that the key's slot is elsewhere; `by` is its place. */
  recordMove(slot: number, to: string, by: string): void;
  /** The place's name for an address in a reply. */
  nodeNamed(text: string, by: string): string;
  /** Looks anew; what is found reaches the listeners. Rejects when no server can be asked. */
  refresh(): Promise<void>;
  /** Called when places or what they have changed. */
  onChange(listener: () => void): void;
  /** From now on it looks every 2 s: for those who wait for a key without asking again. */
  watch(): void;
  close(): void;
}
