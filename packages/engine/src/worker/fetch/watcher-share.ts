/** So many of the idle workers watch for every task, on average: one takes it, and the others are there if it cannot. */
const TARGET_WATCHERS = 6;
const MAX_WORKERS = 100;
/** Weight of the newest answer: old ones are forgotten as workers come and go. */
const MIN_WEIGHT = 1 / 32;
/** Longest pause between a wake-up and its fetch. */
const MAX_PAUSE_MS = 20;

/** What ended a wait: something to take, word of a backlog, or the poll. */
export type Wake = 'work' | 'backlog' | 'poll';

/**
 * How many idle workers there are, as one of them can tell: by how often what it is woken for is its own. It decides by
 * chance who watches for every task, wait by wait, so that a task wakes a few of them and all have their turn (ADR 11).
 */
export class WatcherShare {
  readonly #random: () => number;
  /** How often a task is ours, if we watch: one part of so many as there are of us. */
  #share = 1;
  #answers = 0;
  #chance = 1;
  #wake: Wake | null = null;
  #emptyWakeUps = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Whether to watch for every task in the wait that begins. */
  watches(): boolean {
    this.#chance = Math.min(1, TARGET_WATCHERS * this.#share);
    return this.#random() < this.#chance;
  }

  /** A wait is over. How long to pause before the fetch, ms, so that a herd thins out. */
  woken(wake: Wake): number {
    this.#wake = wake;
    // The poll is spread already. Of the watchers most are woken in vain; far more often in a row, something is wrong.
    const herd = {
      work: Math.max(0, this.#emptyWakeUps - 2 * TARGET_WATCHERS),
      backlog: 1 / this.#share,
      poll: 0,
    }[wake];
    const ms = this.#random() * Math.min(MAX_PAUSE_MS, herd);
    return ms < 1 ? 0 : ms;
  }

  /** The first fetch after a wake-up brought something, or nothing. */
  answered(found: boolean): void {
    const wake = this.#wake;
    this.#wake = null;
    if (found) this.#emptyWakeUps = 0;
    else if (wake === 'work') this.#emptyWakeUps += 1;
    // What nobody took until the poll says that few watch; of a backlog everybody has some, of an empty poll nobody.
    if (wake === 'work') this.#learn(found ? this.#chance : 0);
    else if (wake === 'poll' && found) this.#learn(1);
  }

  #learn(share: number): void {
    this.#answers += 1;
    const weight = Math.max(MIN_WEIGHT, 1 / (this.#answers + 1));
    this.#share = Math.max(1 / MAX_WORKERS, this.#share + weight * (share - this.#share));
  }
}
