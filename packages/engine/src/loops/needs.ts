import type { Surveyed } from '../broker/maintain.ts';
import type { KnownDue, NextDue } from '../broker/signals.ts';
import type { Clock } from '../runtime/clock.ts';

/**
 * How long the recoverer scans a queue after a survey has seen leases in it. Longer than the time between two surveys of a
 * queue: while it has leases, no scan is left out.
 */
const LEASED_MS = 5_000;
/** A due time that is nearer than was known, by more than this, is news: the broker's clock was put forward. */
const EARLIER_MS = 100;

/** A queue and what is known of its needs. */
export interface QueueNeeds extends KnownDue {
  /** Whether a survey has answered for it yet. */
  isSurveyed: boolean;
  nextDueMs: number | null;
  /** When its next task is due, monotonic; Infinity = none is known. */
  dueAtMs: number;
  /** How often the forwarder has found that out: a survey that began before is out of date. */
  forwards: number;
  /** Until then the recoverer scans it, monotonic. */
  leasedUntilMs: number;
  /** The broker's time of the last survey that found nothing leased. */
  idleAtMs?: number;
  /** Whether the janitor must look at it. */
  isUntidy: boolean;
}

const newNeeds = (queue: string): QueueNeeds => ({
  queue,
  isSurveyed: false,
  nextDueMs: null,
  dueAtMs: Infinity,
  forwards: 0,
  leasedUntilMs: -Infinity,
  isUntidy: false,
});

/** What a survey has changed. */
export interface News {
  /** Something is due earlier than was known. */
  readonly isDue: boolean;
  /** A queue has leases that was never surveyed before: they may have expired long ago. */
  readonly isLeased: boolean;
}

/**
 * What each queue needs of the loops, as surveys, wake-ups and the loops themselves find it out. The loops call the broker
 * for these queues alone: an idle queue is surveyed, together with many others, and otherwise left alone.
 */
export class Needs {
  readonly #queues: () => readonly string[];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #names: readonly string[] = [];
  #byQueue = new Map<string, QueueNeeds>();
  #all: readonly QueueNeeds[] = [];

  /** @param queues the stored queues to keep in order, called at each use */
  constructor(queues: () => readonly string[], clock: Pick<Clock, 'monotonicMs'>) {
    this.#queues = queues;
    this.#clock = clock;
  }

  /** All current queues. The array is another one when they have changed. */
  all(): readonly QueueNeeds[] {
    const names = this.#queues();
    if (names === this.#names) return this.#all;
    const known = this.#byQueue;
    this.#names = names;
    this.#byQueue = new Map(names.map((queue) => [queue, known.get(queue) ?? newNeeds(queue)]));
    this.#all = [...this.#byQueue.values()];
    return this.#all;
  }

  /** The queues with a task that is due by now. */
  due(): QueueNeeds[] {
    const nowMs = this.#clock.monotonicMs();
    return this.all().filter(({ dueAtMs }) => dueAtMs <= nowMs);
  }

  /** Ms until the next task is due; Infinity = none is known. */
  nextDueInMs(): number {
    const nextMs = this.all().reduce((ms, { dueAtMs }) => Math.min(ms, dueAtMs), Infinity);
    return Math.max(0, nextMs - this.#clock.monotonicMs());
  }

  /** The queues that the recoverer must scan. */
  leased(): QueueNeeds[] {
    const nowMs = this.#clock.monotonicMs();
    return this.all().filter(({ leasedUntilMs }) => leasedUntilMs > nowMs);
  }

  /** Takes a wake-up. Null = the forwarder must look at the queue. */
  recordWakeUp(queue: string, next: NextDue | null): void {
    const needs = this.#byQueue.get(queue);
    if (!needs) return;
    if (next) this.recordForward(needs, next);
    else needs.dueAtMs = -Infinity;
  }

  /** Takes what the forwarder has found. */
  recordForward(needs: QueueNeeds, next: NextDue): void {
    needs.forwards += 1;
    needs.nextDueMs = next.nextDueMs;
    needs.dueAtMs = next.nextInMs === null ? Infinity : this.#clock.monotonicMs() + next.nextInMs;
  }

  /** Takes what a survey has found. `forwards`: that of the queue when the survey began. */
  recordSurvey(needs: QueueNeeds, found: Surveyed, forwards: number): News {
    const nowMs = this.#clock.monotonicMs();
    const isNew = !needs.isSurveyed;
    needs.isSurveyed = true;
    needs.isUntidy ||= found.isUntidy;
    if (found.isLeased) needs.leasedUntilMs = nowMs + LEASED_MS;
    else needs.idleAtMs = found.atMs;
    const news = { isDue: false, isLeased: isNew && found.isLeased };
    if (needs.forwards !== forwards) return news;
    const dueAtMs = found.nextInMs === null ? Infinity : nowMs + found.nextInMs;
    const isDue = found.nextInMs === 0 || dueAtMs < needs.dueAtMs - EARLIER_MS;
    if (isDue || found.nextDueMs !== needs.nextDueMs) {
      // A wake-up that came meanwhile stays: it may be newer than the survey.
      if (needs.dueAtMs !== -Infinity) needs.dueAtMs = dueAtMs;
      needs.nextDueMs = found.nextDueMs;
    }
    return { ...news, isDue };
  }
}
