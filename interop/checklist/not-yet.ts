/** What the tests cannot say themselves about an item of the checklist. */
export interface Remark {
  /**
   * `not yet`: the feature is not built, so there is no test. `in part`: the tests cover what is built. `own way`: we
   * deliberately differ from Asynq; the tests prove our way, and that Go can work with it.
   */
  readonly kind: 'not yet' | 'in part' | 'own way';
  /** A short name of the item, where no test names it. */
  readonly what?: string;
  readonly why: string;
}

const ownWay = (why: string): Remark => ({ kind: 'own way', why });

/** Remarks by the number of the item. */
export const REMARKS: Readonly<Record<number, Remark>> = {
  10: ownWay(
    'the fraction of a lease’s score is the token that fences an attempt: in whole seconds two attempts would look the same, as the second test shows; no tool lists leases',
  ),
  22: ownWay(
    'a fraction of a second is rounded up, never down: truncated, a task runs early, as the second test shows with Go alone',
  ),
};
