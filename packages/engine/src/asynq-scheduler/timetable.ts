import type { Clock } from '../runtime/clock.ts';
import type { Cron } from './cron.ts';

/** What the timetable keeps of an entry. Times: wall-clock ms. */
export interface Timed {
  readonly cron: Cron;
  /** Null: never. */
  nextMs: number | null;
  /** Null: not yet. */
  prevMs: number | null;
}

/** A clock that fell back by so much was set: a smaller step is waited out, so that nothing fires twice. */
const SET_BACK_MS = 3_600_000;

/** Says which entries are due, as robfig/cron does (protocol 6.2). */
export class Timetable<Entry extends Timed> {
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #entries: () => Iterable<Entry>;
  #seenMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'wallMs'>, entries: () => Iterable<Entry>) {
    this.#clock = clock;
    this.#entries = entries;
  }

  /** Counts an entry's next time from now. */
  plan(entry: Entry): void {
    entry.nextMs = entry.cron.next(this.#clock.wallMs());
  }

  /**
   * The entries that are due, the earliest first, each once however late it is: their times move on to the first
   * after now. A clock that was set back by an hour or more makes all entries count anew.
   */
  due(): Entry[] {
    const nowMs = this.#clock.wallMs();
    if (nowMs <= this.#seenMs - SET_BACK_MS) for (const entry of this.#entries()) this.plan(entry);
    this.#seenMs = nowMs;
    const due = [...this.#entries()].filter(({ nextMs }) => nextMs !== null && nextMs <= nowMs);
    due.sort(byNext);
    for (const entry of due) {
      entry.prevMs = entry.nextMs;
      entry.nextMs = entry.cron.next(nowMs);
    }
    return due;
  }

  /** How long until the next entry is due, ms. */
  waitMs(): number {
    const nowMs = this.#clock.wallMs();
    let wait = Number.POSITIVE_INFINITY;
    for (const { nextMs } of this.#entries()) if (nextMs !== null) wait = Math.min(wait, nextMs - nowMs);
    return Math.max(0, wait);
  }
}

/** The earliest first, those that never fire last. */
export function byNext(a: Pick<Timed, 'nextMs'>, b: Pick<Timed, 'nextMs'>): number {
  return (a.nextMs ?? Number.MAX_SAFE_INTEGER) - (b.nextMs ?? Number.MAX_SAFE_INTEGER);
}
