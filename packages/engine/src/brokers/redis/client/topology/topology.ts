import type { Link } from '../connection.ts';
import type { LinkTarget } from '../url.ts';

/**
 * Which servers there are, and which of them has what. A *place* is the name of one: `host:port` where there are
 * several. When a place ceases to be one, its links are closed and its calls made where their keys are then.
 */
export interface Topology {
  /** Whether keys are spread over servers by their slots. */
  readonly clustered: boolean;
  /** Whether a server that has become a replica is left for its successor. */
  readonly elects: boolean;
  /** The server that has the key (null: any server will do); null while nobody knows. */
  placeOf(key: string | null): string | null;
  /** All servers that have keys, as far as they are known. */
  places(): readonly string[];
  /** Where to connect to for a place: asked before every attempt. */
  locate(place: string, signal: AbortSignal): Promise<LinkTarget>;
  /** Rejects when what the new link leads to is not what the place stands for. */
  approve(link: Link): Promise<void>;
  /** A server said that the key's slot is elsewhere; `by` is its place. */
  moved(slot: number, to: string, by: string): void;
  /** The place's name for an address in a reply. */
  placeNamed(text: string, by: string): string;
  /** Looks anew; what is found reaches the listeners. Rejects when no server can be asked. */
  refresh(): Promise<void>;
  /** Called when places or what they have changed. */
  onChange(listener: () => void): void;
  /** From now on it looks every 2 s: for those who wait for a key without asking again. */
  watch(): void;
  close(): void;
}
