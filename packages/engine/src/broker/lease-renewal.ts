/** How one worker's leases are kept. */
export interface LeaseSettings {
  /** Length of the leases, ms. */
  readonly leaseMs: number;
  /** How long the main thread may hang before its leases are given up, ms. Another worker then runs the tasks. */
  readonly maxStallMs: number;
  /** Whether the process is then killed as well. Only for processes that a supervisor starts again. */
  readonly failStop: boolean;
}

/** A part of a worker's lease table, in memory that threads share. `leases/README.md` has the layout. */
export interface LeaseMemory {
  readonly memory: SharedArrayBuffer;
  /** Room for the texts of a lease: its queue and its ID together. */
  readonly textBytes: number;
}

/**
 * What happened to a worker's leases. Only for events, logs and metrics: the leases themselves are in shared memory. Times
 * are ms of the main thread's monotonic clock.
 */
export type RenewalReport =
  /**
   * A renewal of a queue's leases was answered. The call began at `sinceMs`, `gapMs` after the one before (0 = there was
   * none). `lost` of the leases belong to other workers by now.
   */
  | {
      readonly kind: 'renewed';
      readonly queue: string;
      readonly leases: number;
      readonly lost: number;
      readonly sinceMs: number;
      readonly gapMs: number;
    }
  /** A renewal failed and is tried again. */
  | { readonly kind: 'failed'; readonly queue: string; readonly leases: number; readonly cause: string }
  /** The main thread had hung for `stallMs` when its leases were given up, at `atMs`. */
  | { readonly kind: 'released'; readonly leases: number; readonly stallMs: number; readonly atMs: number };

/** One worker's leases, in the care of another thread. */
export interface RenewedLeases {
  /** Adds memory with leases. They are renewed from now on. */
  add(memory: LeaseMemory): void;
  /** Starts another thread in place of one that gives no sign of life. */
  replace(): void;
  /** Ends the renewal of this worker's leases. */
  end(): void;
}

/**
 * Renews leases on a thread of its own, where a handler that blocks the event loop cannot delay it:
 * docs/design/engine.md#leases.
 */
export interface LeaseRenewal {
  /**
   * Starts to renew one worker's leases.
   *
   * @param controlBlock shared memory for signs of life of both threads
   */
  renew(
    settings: LeaseSettings,
    controlBlock: SharedArrayBuffer,
    onReport: (report: RenewalReport) => void,
  ): RenewedLeases;
}
