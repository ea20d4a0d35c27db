import type { Cron } from './cron.ts';

/** Tells the wall-clock time, ms. */
interface WallClock {
  wallMs(): number;
}

/** An entry of a timetable. Times are wall-clock ms. */
export interface TimedEntry {
  readonly cron: Cron;
  /** When it fires next; null = never. */
  nextMs: number | null;
  /** The planned time of its last firing; null = it has not fired yet. */
  prevMs: number | null;
}

/**
 * When the clock goes back by less than this, entries wait until it reaches their planned times: nothing fires twice. A
 * clock that goes back further was set on purpose, and all entries are planned again.
 */
const MIN_SET_BACK_MS = 3_600_000;

/** Plans entries and tells which are due, as robfig/cron does. See docs/design/protocol.md#scheduler. */
export class Timetable<Entry extends TimedEntry> {
  readonly #clock: WallClock;
  readonly #entries: () => Iterable<Entry>;
  #lastNowMs = Number.NEGATIVE_INFINITY;

  constructor(clock: WallClock, entries: () => Iterable<Entry>) {
    this.#clock = clock;
    this.#entries = entries;
  }

  /** Sets an entry's next time to the first one after now. */
  plan(entry: Entry): void {
    entry.nextMs = entry.cron.next(this.#clock.wallMs());
  }

  /**
   * Returns the entries that are due, the earliest first, and plans each for its first time after now. An entry that is
   * late is returned once: times missed meanwhile are not made up for.
   */
  takeDue(): Entry[] {
    const nowMs = this.#clock.wallMs();
    if (nowMs <= this.#lastNowMs - MIN_SET_BACK_MS) for (const entry of this.#entries()) this.plan(entry);
    this.#lastNowMs = nowMs;
    const due = [...this.#entries()].filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs);
    due.sort(compareByNext);
    for (const entry of due) {
      entry.prevMs = entry.nextMs;
      entry.nextMs = entry.cron.next(nowMs);
    }
    return due;
  }

  /** Time until the next entry is due, ms; `Infinity` if none ever is. */
  waitMs(): number {
    const nowMs = this.#clock.wallMs();
    let wait = Number.POSITIVE_INFINITY;
    for (const { nextMs } of this.#entries()) if (nextMs !== null) wait = Math.min(wait, nextMs - nowMs);
    return Math.max(0, wait);
  }
}

/** Orders entries: the earliest first, those that never fire last. */
export function compareByNext(a: Pick<TimedEntry, 'nextMs'>, b: Pick<TimedEntry, 'nextMs'>): number {
  return (a.nextMs ?? Number.MAX_SAFE_INTEGER) - (b.nextMs ?? Number.MAX_SAFE_INTEGER);
}
