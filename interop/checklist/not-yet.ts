/** What the tests cannot say by themselves of an item of the checklist. */
export interface Remark {
  /**
   * `not yet`: the feature is not built, there is no test. `in part`: the tests prove what is built. `own way`: by a
   * decision we do it in another way than Asynq; the tests prove ours, and that Go gets along with it.
   */
  readonly kind: 'not yet' | 'in part' | 'own way';
  /** The item in few words, where no test names it. */
  readonly what?: string;
  readonly why: string;
}

const ownWay = (why: string): Remark => ({ kind: 'own way', why });

/** Items of protocol section 8, by number. */
export const REMARKS: Readonly<Record<number, Remark>> = {
  10: ownWay(
    'leases have a fraction, the token that fences an attempt (design D6): in whole seconds two attempts would look alike, as the second test shows; no tool lists them',
  ),
  22: ownWay(
    'a part of a second is rounded up, never down (design D5): cut off, a task runs before its time, as the second test shows with Go alone',
  ),
};
