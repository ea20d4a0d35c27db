/** Keeps submissions over HTTP from making ever more queues: each one costs workers and operators something for ever. */
import {
  BUILT_IN_QUEUES,
  control,
  isTaskCenterError,
  logicalQueue,
  TaskCenterError,
  type Broker,
  type Clock,
} from '@task-center/engine';

/** For how long a queue counts as known, ms. Queues are rarely removed, and asking for each task would cost too much. */
const KNOWN_MS = 10_000;
/** For how long a queue counts as unknown, ms: other processes make queues, too. It bounds what a flood of names costs. */
const UNKNOWN_MS = 100;

const BUILT_IN: ReadonlySet<string> = new Set(BUILT_IN_QUEUES);

export interface QueueLimitDeps {
  readonly broker: Broker;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Most logical queues. Those that Go or the library has made count, and are never refused. */
  readonly maxQueues: number;
}

/**
 * Knows the queues of the broker, and which submissions would make one too many. Several instances may exceed the limit
 * together, by what they admit within 0.1 s.
 */
export class QueueLimit {
  readonly #deps: QueueLimitDeps;
  /** Names of logical queues as the broker listed them. */
  #listed: ReadonlySet<string> = new Set();
  #listedMs = -Infinity;
  #listing: Promise<void> | null = null;
  /** Names that were admitted and that the broker has not listed yet, each with the time. They count as queues. */
  readonly #admitted = new Map<string, number>();

  constructor(deps: QueueLimitDeps) {
    this.#deps = deps;
  }

  get maxQueues(): number {
    return this.#deps.maxQueues;
  }

  /**
   * The names among these to which nothing may be submitted. All others are admitted: they count from now on.
   *
   * @param names logical queues
   * @throws TaskCenterError `broker-unavailable`: nothing was stored
   */
  async refuse(names: readonly string[]): Promise<ReadonlySet<string>> {
    const refused = new Set<string>();
    if (names.every((name) => this.#isKnown(name))) return refused;
    if (this.#ageMs() > UNKNOWN_MS) await (this.#listing ??= this.#list());
    for (const name of names) if (!this.#exists(name) && !this.#admit(name)) refused.add(name);
    return refused;
  }

  #ageMs(): number {
    return this.#deps.clock.monotonicMs() - this.#listedMs;
  }

  #exists(name: string): boolean {
    return BUILT_IN.has(name) || this.#listed.has(name) || this.#admitted.has(name);
  }

  #isKnown(name: string): boolean {
    return BUILT_IN.has(name) || (this.#ageMs() <= KNOWN_MS && this.#exists(name));
  }

  #admit(name: string): boolean {
    if (this.#listed.size + this.#admitted.size >= this.#deps.maxQueues) return false;
    this.#admitted.set(name, this.#deps.clock.monotonicMs());
    return true;
  }

  async #list(): Promise<void> {
    const { broker, clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    try {
      const stored = await control.listQueues(broker);
      this.#listed = new Set(stored.map((queue) => logicalQueue(queue).name));
      this.#listedMs = startedMs;
      // A call that stores the first task of a queue may still be under way.
      for (const [name, admittedMs] of this.#admitted)
        if (this.#listed.has(name) || startedMs - admittedMs > KNOWN_MS) this.#admitted.delete(name);
    } catch (error) {
      if (!isTaskCenterError(error, 'broker-unavailable')) throw error;
      throw new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
    } finally {
      this.#listing = null;
    }
  }
}
