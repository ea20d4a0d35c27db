/**
 * What may be wrong with stored data:
 * `orphan` a task that nothing leads to, so that it would never run or never end; `ghost` an ID without a task, a lease
 * of a task that does not run, a task whose message or payload is gone; `double` a task that stands in two places;
 * `mismatch` a state that is not that of the place; `leak` a lock, note, name or row that outlived its task; `counter`
 * a count that is none; `type` a key of a wrong type; `damage` a file that the database itself finds broken.
 */
export const FAULT_KINDS = [
  'damage',
  'type',
  'counter',
  'ghost',
  'orphan',
  'double',
  'mismatch',
  'leak',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Something that a look in passing found odd. It may only be on its way. */
export interface Candidate {
  /** What it is, in the broker's words: `task`, `lock`, `group`, `key`, `body`… */
  readonly what: string;
  /** Stored ID, key or number by which the broker finds it. */
  readonly name: string;
  /** Where it was seen; '' = at home. For the broker itself. */
  readonly at: string;
}

/** What is wrong with a suspect. */
export interface Fault {
  readonly kind: FaultKind;
  /** In words: `state pending, stands nowhere`. */
  readonly found: string;
  /** What was done about it; null = nothing yet. */
  readonly done: string | null;
}

/** Looks for what must never be, on a live broker too. `queue` null = what belongs to no queue. */
export interface Check {
  /**
   * Everything that seems wrong, found in bounded steps by a walk over the whole queue: pages of at most about 1,000
   * suspects, some perhaps twice. The walk holds at most 200,000 IDs in memory, however large the queue is.
   */
  candidates(queue: string | null): AsyncIterable<readonly Candidate[]>;
  /**
   * Looks at suspects again, each in one moment with all that belongs to it; null = nothing is wrong with it. With
   * `mend` what is wrong is mended in that same moment. At most 100.
   */
  examine(
    queue: string | null,
    suspects: readonly Candidate[],
    mend: boolean,
  ): Promise<readonly (Fault | null)[]>;
}
