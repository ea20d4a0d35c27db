/** How many idle workers watch for every task, on average. One takes it; the others are there if it cannot. */
const TARGET_WATCHERS = 6;
/** More idle workers than this are not distinguished. */
const MAX_WORKERS = 100;
/** Least weight of the newest observation. Old ones fade, because workers come and go. */
const MIN_WEIGHT = 1 / 32;
/** Longest pause between a wake-up and its fetch. */
const MAX_HERD_PAUSE_MS = 20;

/** What ended a wait: a pending task, an announced backlog, or the poll. */
export type Wake = 'work' | 'backlog' | 'poll';

/**
 * Prevents a thundering herd: of N idle workers only about six should wake for a task (ADR 11). N is not known, so each
 * worker estimates 1/N, its share, from how often a task that woke it was still there to take. Before each wait it decides
 * by chance, with probability 6/N, whether to watch for every task or only for a backlog. All get their turn.
 */
export class WatcherShare {
  readonly #random: () => number;
  /** Estimate of 1/N, N = idle workers. */
  #share = 1;
  /** Number of observations. */
  #observations = 0;
  /** Probability with which this worker watched in the last wait. */
  #chance = 1;
  /** What ended the last wait; null once its first fetch was recorded. */
  #wake: Wake | null = null;
  /** Wake-ups in a row that brought nothing. */
  #emptyWakeUps = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Decides whether to watch for every task in the wait that begins. */
  decideToWatch(): boolean {
    this.#chance = Math.min(1, TARGET_WATCHERS * this.#share);
    return this.#random() < this.#chance;
  }

  /** Records that a wait is over. Returns how long to pause before the fetch, ms: pauses spread a herd. */
  onWake(wake: Wake): number {
    this.#wake = wake;
    // Polls are spread already. Most watchers wake in vain; only after far more times in a row is a pause needed.
    const herd = {
      work: Math.max(0, this.#emptyWakeUps - 2 * TARGET_WATCHERS),
      backlog: 1 / this.#share,
      poll: 0,
    }[wake];
    const ms = this.#random() * Math.min(MAX_HERD_PAUSE_MS, herd);
    return ms < 1 ? 0 : ms;
  }

  /** Records whether a fetch found tasks. Only the first one after a wake-up counts. */
  onFetched(found: boolean): void {
    const wake = this.#wake;
    this.#wake = null;
    if (found) this.#emptyWakeUps = 0;
    else if (wake === 'work') this.#emptyWakeUps += 1;
    // A task that was left until the poll shows that too few watch. A backlog has tasks for every worker and an empty poll
    // for none: neither says anything about N.
    if (wake === 'work') this.#learn(found ? this.#chance : 0);
    else if (wake === 'poll' && found) this.#learn(1);
  }

  /** Moves the estimate towards what was observed. */
  #learn(share: number): void {
    this.#observations += 1;
    const weight = Math.max(MIN_WEIGHT, 1 / (this.#observations + 1));
    this.#share = Math.max(1 / MAX_WORKERS, this.#share + weight * (share - this.#share));
  }
}
