import type { Cron } from './reading.ts';

/** Times of a schedule that have fired: `fromMs`, `toMs` and all that the schedule has between them. */
interface Range {
  readonly fromMs: number;
  toMs: number;
}

/** Ranges that are kept; the oldest are joined. There is one more each time that times were passed over. */
const MAX_RANGES = 16;

/** Remembers at which of its times a schedule has fired: a clock that was set back comes to them again. */
export class FiredTimes {
  readonly #cron: Cron;
  readonly #ranges: Range[] = [];

  constructor(cron: Cron) {
    this.#cron = cron;
  }

  add(atMs: number): void {
    // Times that are added to an earlier interval of Go's are no times of a schedule.
    if (this.#cron.isRelative) return;
    const before = this.#ranges.find(({ toMs }) => this.#cron.next(toMs) === atMs);
    if (before) before.toMs = atMs;
    else this.#ranges.push({ fromMs: atMs, toMs: atMs });
    if (this.#ranges.length <= MAX_RANGES) return;
    const [first, second] = this.#ranges.sort((a, b) => a.fromMs - b.fromMs) as [Range, Range];
    second.toMs = Math.max(first.toMs, second.toMs);
    this.#ranges.splice(0, 2, { fromMs: first.fromMs, toMs: second.toMs });
  }

  /** The first time after `afterMs` that has not fired; null if there is none. */
  next(afterMs: number): number | null {
    let atMs = this.#cron.next(afterMs);
    for (;;) {
      const range = this.#ranges.find(({ fromMs, toMs }) => atMs !== null && fromMs <= atMs && atMs <= toMs);
      if (!range) return atMs;
      atMs = this.#cron.next(range.toMs);
    }
  }

  /** The latest time that has fired; null if none has. */
  get latestMs(): number | null {
    return this.#ranges.length === 0 ? null : Math.max(...this.#ranges.map(({ toMs }) => toMs));
  }

  clear(): void {
    this.#ranges.length = 0;
  }
}
