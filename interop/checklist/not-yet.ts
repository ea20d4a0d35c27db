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

const notYet = (what: string, why: string): Remark => ({ kind: 'not yet', what, why });
const inPart = (why: string): Remark => ({ kind: 'in part', why });
const ownWay = (why: string): Remark => ({ kind: 'own way', why });

const NO_SCHEDULER = 'there are no schedules yet';

/** Items of protocol section 8, by number. */
export const REMARKS: Readonly<Record<number, Remark>> = {
  10: ownWay('leases have a fraction, the token that fences an attempt (design D6); no tool lists them'),
  14: inPart(
    'shown through the inspector of the library; the command-line tool is not part of the tests yet',
  ),
  22: ownWay('a part of a second is rounded up, never down: a Go forwarder is never early (design D5)'),
  97: notYet('an entry fires at its interval', NO_SCHEDULER),
  98: notYet('the command-line tool lists our entries', NO_SCHEDULER),
  99: notYet('the history of an entry', NO_SCHEDULER),
  100: notYet('the keys of a scheduler', NO_SCHEDULER),
  101: inPart(`both sides read the texts; ${NO_SCHEDULER}`),
  102: inPart(`the times are proven; ${NO_SCHEDULER}`),
  103: notYet('the default zone', NO_SCHEDULER),
  104: notYet('hooks of a firing', NO_SCHEDULER),
  105: notYet('unregistering', NO_SCHEDULER),
  106: notYet('the manager of periodic tasks', NO_SCHEDULER),
  107: notYet('two schedulers with one entry', NO_SCHEDULER),
};
