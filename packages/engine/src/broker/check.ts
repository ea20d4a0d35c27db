/**
 * What may be wrong with stored data:
 *
 * - `damage`: the database itself finds its file broken.
 * - `type`: a key has a wrong type.
 * - `counter`: a counter is not a number.
 * - `ghost`: an ID without a task, a lease of a task that is not active, or a task without its message or payload.
 * - `orphan`: a task in no list, or an active task without a lease. It would never run or never end.
 * - `double`: a task in two lists.
 * - `mismatch`: a task whose state is not that of its list.
 * - `leak`: a lock, a name or a row that outlived its task.
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

/**
 * Something that seemed wrong while the walk passed it. On a live broker it may be right: the task may have moved between
 * two steps of the walk. `examine` decides.
 */
export interface Candidate {
  /** What it is, in the broker's words, such as `task`, `lock`, `group`, `key` or `body`. */
  readonly what: string;
  /** Stored ID, key or number by which the broker finds it. */
  readonly name: string;
  /** Where it was seen; '' = where it belongs. Only the broker reads it. */
  readonly at: string;
}

/** What is wrong with a candidate. */
export interface Fault {
  readonly kind: FaultKind;
  /** In words, such as `state pending, is in no list or set`. */
  readonly found: string;
  /** How it was repaired, in words; null = it was not. */
  readonly done: string | null;
}

/**
 * Finds and repairs stored data that breaks the broker's own rules. Safe while workers run. `queue` null = data that
 * belongs to no queue.
 */
export interface Check {
  /**
   * Walks over the whole queue in bounded steps and yields what seems wrong: pages of at most about 1,000 candidates. A
   * candidate may come twice. The walk keeps at most 200,000 IDs in memory, whatever the size of the queue.
   */
  candidates(queue: string | null): AsyncIterable<readonly Candidate[]>;
  /**
   * Checks candidates again, each atomically with all that belongs to it. Null = nothing is wrong with it.
   *
   * @param candidates at most 100
   * @param repair whether to repair what is wrong, in the same atomic step
   */
  examine(
    queue: string | null,
    candidates: readonly Candidate[],
    repair: boolean,
  ): Promise<readonly (Fault | null)[]>;
}
