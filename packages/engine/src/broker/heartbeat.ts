import type { Chunk, Head, LeaseSettings } from '../leases/lease-memory.ts';
import type { RenewerNote } from '../leases/renewer.ts';

/** One worker's leases in the care of another thread. */
export interface KeptLeases {
  /** More memory with leases; from now on they are renewed. */
  addChunk(chunk: Chunk): void;
  /** The other thread has given no sign of life for a while: another one takes its place. */
  replace(): void;
  /** Its leases are renewed no more. */
  end(): void;
}

/** Renews leases on another thread than the worker's, with a connection of its own (design D6). */
export interface Heartbeat {
  keep(settings: LeaseSettings, head: Head, onNote: (note: RenewerNote) => void): KeptLeases;
}
