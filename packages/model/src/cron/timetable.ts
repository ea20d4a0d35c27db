import { FiredTimes } from './fired-times.ts';
import type { Cron } from './reading.ts';

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

export interface TimetableOptions<Entry> {
  /** Called when the clock was set back far. The times of these entries that have fired will fire again. */
  onForgotten?(entries: readonly Entry[], setBackMs: number): void;
}

/**
 * An entry whose last time is further ahead than this and one of its intervals, after the clock was set back, is planned as
 * if it had not fired: it would be silent for too long.
 */
const MAX_SILENCE_MS = 15 * 60_000;

/**
 * Plans entries and tells which are due. When the clock is set back, the next times are computed again; times that have
 * fired are left out. See docs/schedules.md#when-the-clock-of-the-machine-is-set.
 */
export class Timetable<Entry extends TimedEntry> {
  readonly #clock: WallClock;
  readonly #entries: () => Iterable<Entry>;
  readonly #options: TimetableOptions<Entry>;
  readonly #fired = new WeakMap<Entry, FiredTimes>();
  #lastNowMs = Number.NEGATIVE_INFINITY;

  constructor(clock: WallClock, entries: () => Iterable<Entry>, options: TimetableOptions<Entry> = {}) {
    this.#clock = clock;
    this.#entries = entries;
    this.#options = options;
  }

  /** Sets an entry's next time to the first one after now. */
  plan(entry: Entry): void {
    entry.nextMs = this.#firedOf(entry).next(this.#clock.wallMs());
  }

  /**
   * Returns the entries that are due, the earliest first, and plans each for its first time after now. An entry that is
   * late is returned once: times missed meanwhile are not made up for.
   */
  takeDue(): Entry[] {
    const nowMs = this.#clock.wallMs();
    const setBackMs = this.#lastNowMs - nowMs;
    if (setBackMs > 0) this.#planAnew(nowMs, setBackMs);
    this.#lastNowMs = nowMs;
    const due = [...this.#entries()].filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs);
    due.sort(compareByNext);
    for (const entry of due) {
      entry.prevMs = entry.nextMs;
      const fired = this.#firedOf(entry);
      fired.add(entry.nextMs ?? nowMs);
      entry.nextMs = fired.next(nowMs);
    }
    return due;
  }

  #planAnew(nowMs: number, setBackMs: number): void {
    const forgotten: Entry[] = [];
    for (const entry of this.#entries()) {
      const fired = this.#firedOf(entry);
      if (isFarAhead(fired, nowMs)) {
        fired.clear();
        forgotten.push(entry);
      }
      // A time is never put off: a clock that is set back again and again would keep an interval of Go's from its end.
      entry.nextMs = earlier(entry.nextMs, fired.next(nowMs));
    }
    if (forgotten.length > 0) this.#options.onForgotten?.(forgotten, setBackMs);
  }

  #firedOf(entry: Entry): FiredTimes {
    const known = this.#fired.get(entry);
    if (known) return known;
    const fired = new FiredTimes(entry.cron);
    this.#fired.set(entry, fired);
    return fired;
  }

  /** Time until the next entry is due, ms; `Infinity` if none ever is. */
  waitMs(): number {
    const nowMs = this.#clock.wallMs();
    let wait = Number.POSITIVE_INFINITY;
    for (const { nextMs } of this.#entries()) if (nextMs !== null) wait = Math.min(wait, nextMs - nowMs);
    return Math.max(0, wait);
  }
}

/** Whether an entry would have to wait for too long until it comes to a time that has not fired. */
function isFarAhead(fired: FiredTimes, nowMs: number): boolean {
  const { latestMs } = fired;
  const nextMs = fired.next(nowMs);
  if (latestMs === null || nextMs === null || nextMs < latestMs) return false;
  return latestMs - nowMs > MAX_SILENCE_MS + (nextMs - latestMs);
}

const earlier = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** Orders entries: the earliest first, those that never fire last. */
export function compareByNext(a: Pick<TimedEntry, 'nextMs'>, b: Pick<TimedEntry, 'nextMs'>): number {
  return (a.nextMs ?? Number.MAX_SAFE_INTEGER) - (b.nextMs ?? Number.MAX_SAFE_INTEGER);
}
