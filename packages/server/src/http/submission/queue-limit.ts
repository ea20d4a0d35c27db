/** Bounds the number of queues that submissions over HTTP can make. Each queue costs workers and operators something for ever. */
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
/**
 * How often, within a second, the queues are listed because a name is not known: another process may have made the queue, or
 * removed others. Further unknown names in this second are judged by the last list.
 */
const MAX_LISTS = 20;
const WINDOW_MS = 1_000;

const BUILT_IN: ReadonlySet<string> = new Set(BUILT_IN_QUEUES);

export interface QueueLimitDeps {
  readonly broker: Broker;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Most logical queues. Those that Go or the library makes count, too, but are never refused. */
  readonly maxQueues: number;
}

/** A name that was admitted. `calls`: number of calls under way that may store its first task. */
interface Admitted {
  calls: number;
}

/**
 * Knows the queues of the broker, and refuses submissions that would make one too many. Several instances that admit new queues
 * at the same time may together exceed the limit.
 */
export class QueueLimit {
  readonly #deps: QueueLimitDeps;
  /** Names of logical queues as the broker listed them. */
  #listed: ReadonlySet<string> = new Set();
  #listedMs = -Infinity;
  /** The call that lists the queues now. */
  #listing: Promise<void> | null = null;
  /** The call after that one, if anybody waits for it. */
  #nextListing: Promise<void> | null = null;
  /** When the current second began, and the calls since. */
  #windowMs = -Infinity;
  #lists = 0;
  /** Names that were admitted and that the broker has not listed yet. They count as queues. */
  readonly #admitted = new Map<string, Admitted>();

  constructor(deps: QueueLimitDeps) {
    this.#deps = deps;
  }

  get maxQueues(): number {
    return this.#deps.maxQueues;
  }

  /**
   * Calls `store` with those of the names that are refused. All others are admitted, and count as queues at least until
   * `store` has ended.
   *
   * @param names logical queues
   * @throws TaskCenterError `broker-unavailable`: nothing was stored
   */
  async admit<Result>(
    names: readonly string[],
    store: (refused: ReadonlySet<string>) => Promise<Result>,
  ): Promise<Result> {
    const unknown = new Set(names.filter((name) => !this.#isKnown(name)));
    const refused = new Set<string>();
    if (unknown.size === 0) return store(refused);
    if (this.#mayList()) await this.#listAfresh();
    const admitted: Admitted[] = [];
    for (const name of unknown) {
      if (BUILT_IN.has(name) || this.#listed.has(name)) continue;
      const entry = this.#admitted.get(name) ?? this.#admitNew(name);
      if (entry === null) refused.add(name);
      else admitted.push(entry);
    }
    for (const entry of admitted) entry.calls += 1;
    try {
      return await store(refused);
    } finally {
      for (const entry of admitted) entry.calls -= 1;
    }
  }

  #ageMs(): number {
    return this.#deps.clock.monotonicMs() - this.#listedMs;
  }

  #isKnown(name: string): boolean {
    return BUILT_IN.has(name) || (this.#ageMs() <= KNOWN_MS && this.#listed.has(name));
  }

  #mayList(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs;
      this.#lists = 0;
    }
    return this.#nextListing !== null || this.#lists < MAX_LISTS;
  }

  /** Lists the queues once more. All that call it meanwhile share one call, which begins after the one under way has ended. */
  #listAfresh(): Promise<void> {
    this.#nextListing ??= (this.#listing ?? Promise.resolve())
      .catch(() => {})
      .then(() => {
        this.#nextListing = null;
        this.#lists += 1;
        return (this.#listing = this.#list());
      });
    return this.#nextListing;
  }

  /** Null = it would be one too many. */
  #admitNew(name: string): Admitted | null {
    if (this.#listed.size + this.#admitted.size >= this.#deps.maxQueues) return null;
    const entry = { calls: 0 };
    this.#admitted.set(name, entry);
    return entry;
  }

  async #list(): Promise<void> {
    const { broker, clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    // The list has the queues of calls that ended before it began, unless they failed or the queue was removed again.
    const ended = new Set([...this.#admitted].flatMap(([name, { calls }]) => (calls === 0 ? [name] : [])));
    try {
      const stored = await control.listQueues(broker);
      this.#listed = new Set(stored.map((queue) => logicalQueue(queue).name));
      this.#listedMs = startedMs;
      for (const [name, { calls }] of this.#admitted)
        if (this.#listed.has(name) || (calls === 0 && ended.has(name))) this.#admitted.delete(name);
    } catch (error) {
      if (!isTaskCenterError(error, 'broker-unavailable')) throw error;
      throw new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'not_stored' });
    } finally {
      this.#listing = null;
    }
  }
}
