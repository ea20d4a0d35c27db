import type { KnownLook, NextLook } from '../broker/schedules.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * A queue with schedules is looked at this often, however far its next look is away: if the broker's clock was set back, that time
 * is wrong, and only the broker knows.
 */
const MAX_WAIT_MS = 60_000;

/** A queue, and when its schedules must be looked at, as far as is known. */
export interface QueueLook extends KnownLook {
  nextLookMs: number | null;
  /** When it is looked at next, monotonic; Infinity = it has no schedules that wait. */
  lookAtMs: number;
  /** The same as far as is known, without `MAX_WAIT_MS`. */
  dueAtMs: number;
  /** A look is under way. */
  isBusy: boolean;
  /** The last look failed: it is tried again at `lookAtMs`, and not before. */
  isFailing: boolean;
  /** Number of looks that ended: what was asked before one of them is out of date. */
  looks: number;
}

/** When queues must be looked at, as surveys, signals and the looks themselves find it out. */
export class Looks {
  readonly #queues: () => readonly string[];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #names: readonly string[] = [];
  #byQueue = new Map<string, QueueLook>();
  #all: readonly QueueLook[] = [];

  /** @param queues stored queues, called at each use; another array when they have changed */
  constructor(queues: () => readonly string[], clock: Pick<Clock, 'monotonicMs'>) {
    this.#queues = queues;
    this.#clock = clock;
  }

  all(): readonly QueueLook[] {
    const names = this.#queues();
    if (names !== this.#names) {
      const known = this.#byQueue;
      this.#names = names;
      this.#byQueue = new Map(names.map((queue) => [queue, known.get(queue) ?? newLook(queue)]));
      this.#all = [...this.#byQueue.values()];
    }
    return this.#all;
  }

  /** The queues to look at now, the earliest first. */
  due(): QueueLook[] {
    const nowMs = this.#clock.monotonicMs();
    return this.#idle()
      .filter(({ lookAtMs }) => lookAtMs <= nowMs)
      .sort((a, b) => (a.lookAtMs === b.lookAtMs ? 0 : a.lookAtMs - b.lookAtMs));
  }

  /** The queues whose signals are news. */
  quiet(): QueueLook[] {
    return this.#idle().filter(({ isFailing }) => !isFailing);
  }

  /** The queues in which schedules wait. */
  used(): string[] {
    return this.all()
      .filter(({ nextLookMs }) => nextLookMs !== null)
      .map(({ queue }) => queue);
  }

  /** Ms until the next look, and until something is due, as far as is known; Infinity = never. */
  nextInMs(): { readonly ms: number; readonly dueMs: number } {
    const nowMs = this.#clock.monotonicMs();
    const inMs = (timeOf: (look: QueueLook) => number) =>
      Math.max(0, this.#idle().reduce((ms, look) => Math.min(ms, timeOf(look)), Infinity) - nowMs);
    return { ms: inMs(({ lookAtMs }) => lookAtMs), dueMs: inMs(({ dueAtMs }) => dueAtMs) };
  }

  /** A signal: something must be looked at earlier than was known. */
  markNow(queue: string): void {
    const look = this.#byQueue.get(queue);
    if (look && !look.isFailing) look.lookAtMs = look.dueAtMs = -Infinity;
  }

  /** Takes what was asked of the broker. */
  record(look: QueueLook, { nextLookMs, nextLookInMs }: NextLook): void {
    const nowMs = this.#clock.monotonicMs();
    look.nextLookMs = nextLookMs;
    look.dueAtMs = nextLookInMs === null ? Infinity : nowMs + nextLookInMs;
    look.lookAtMs = nextLookInMs === null ? Infinity : nowMs + Math.min(nextLookInMs, MAX_WAIT_MS);
  }

  /**
   * Takes what a survey has found, unless the queue was looked at since it began. A look that was put off by `MAX_WAIT_MS` is not
   * put off again.
   *
   * @param looks that of the queue when the survey began
   * @returns whether the next look is earlier than was known
   */
  recordSurvey(look: QueueLook, found: NextLook, looks: number): boolean {
    if (look.isBusy || look.isFailing || look.looks !== looks) return false;
    const { lookAtMs } = look;
    this.record(look, found);
    if (found.nextLookInMs !== null) look.lookAtMs = Math.min(look.lookAtMs, lookAtMs);
    return look.lookAtMs < lookAtMs;
  }

  #idle(): QueueLook[] {
    return this.all().filter(({ isBusy }) => !isBusy);
  }
}

const newLook = (queue: string): QueueLook => ({
  queue,
  nextLookMs: null,
  lookAtMs: Infinity,
  dueAtMs: Infinity,
  isBusy: false,
  isFailing: false,
  looks: 0,
});
