/** What is agreed on the leases of one worker. */
export interface LeaseSettings {
  /** Length of the leases, ms. */
  readonly leaseMs: number;
  /** How long the main thread may hang before its leases are given up, ms. */
  readonly maxStallMs: number;
  /** Whether the process is then ended; only where somebody starts it again. */
  readonly failStop: boolean;
}

/** Leases in memory that threads share; `textBytes` is the size of a text in it. */
export interface LeaseMemory {
  readonly memory: SharedArrayBuffer;
  readonly textBytes: number;
}

/** What is told of renewals; nothing depends on its being heard. Times: ms of the main thread's monotonic clock. */
export type LeaseNote =
  /** Leases of a queue were renewed by a call that began at `sinceMs`, `gapMs` after the one before (0 = none). */
  | {
      readonly kind: 'renewed';
      readonly queue: string;
      readonly leases: number;
      readonly lost: number;
      readonly sinceMs: number;
      readonly gapMs: number;
    }
  | { readonly kind: 'failed'; readonly queue: string; readonly leases: number; readonly cause: string }
  /** The main thread hung for so long that these leases were given up, at `atMs`. */
  | { readonly kind: 'released'; readonly leases: number; readonly stallMs: number; readonly atMs: number };

/** One worker's leases in the care of another thread. */
export interface RenewedLeases {
  /** More memory with leases; from now on they are renewed. */
  add(memory: LeaseMemory): void;
  /** The other thread has given no sign of life for a while: another one takes its place. */
  replace(): void;
  /** Its leases are renewed no more. */
  end(): void;
}

/** Renews leases on another thread than the worker's, with a connection of its own (design D6). */
export interface LeaseRenewal {
  /** @param head signs of life, shared, too */
  renew(settings: LeaseSettings, head: SharedArrayBuffer, onNote: (note: LeaseNote) => void): RenewedLeases;
}
