import type { LeasedTask } from './consume.ts';

export interface Step {
  readonly queue: string;
  /** Most tasks to handle in this call, up to 256. */
  readonly limit: number;
}

export interface Recovered {
  /** Went back to the head of pending, one crash more. */
  readonly recovered: number;
  /** Crashed too often: archived as poison. */
  readonly archived: number;
  /**
   * Held by Go workers that are gone; the caller holds them now, for 10 s, and ends each as a failed attempt
   * (protocol 4.10). Nobody else gets them meanwhile.
   */
  readonly orphans: readonly LeasedTask[];
}

export interface Forwarded {
  readonly moved: number;
  /** When the next task is due, wall-clock ms by the broker's clock; null = none waits. */
  readonly nextDueMs: number | null;
  /** The same as ms from now (0 = there is one now). */
  readonly nextInMs: number | null;
}

/** What keeps a queue in order; any number of processes may do it at once. Bounded steps, repeated by loops. */
export interface Maintain {
  /**
   * Takes back tasks whose lease has expired: ours at once, Go's (token 0) 30 s later, as `orphans`.
   * After a pause of the broker it holds off, so that live workers renew first (reliability F.4).
   */
  recover(steps: readonly Step[], maxCrashes: number): Promise<Recovered[]>;
  /** Moves what is due from scheduled and retry to pending, earliest first, never early. */
  forward(steps: readonly Step[]): Promise<Forwarded[]>;
  /** Removes completed and cancelled tasks whose retention is over, and the broker's own expired notes. */
  expire(steps: readonly Step[]): Promise<number[]>;
}
