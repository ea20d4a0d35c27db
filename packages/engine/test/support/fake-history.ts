import type { History, HistoryPage, HistoryReport, HistoryState } from '../../src/broker/history.ts';
import type { QueueFacts } from '../../src/broker/inspect.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import type { Clock } from '../../src/runtime/clock.ts';

type Put = Parameters<History['put']>[0];
type Range = Parameters<History['pages']>[0];

/** How long after its end a minute takes reports. */
const CLOSED_MS = 3_000;

/** The history of a broker in memory, by its own clock, which a test cuts off. */
export class FakeHistory implements History {
  /** Whether calls fail before they are handled, or after it. */
  fails: 'no' | 'before' | 'after' = 'no';
  /** Calls that have written. */
  writes = 0;
  /** How far the broker's clock is ahead, ms. */
  aheadMs = 0;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #reports = new Map<string, HistoryReport>();
  readonly #pages = new Map<string, HistoryPage>();
  readonly #baselines = new Map<string, Uint8Array>();
  #state: Pick<HistoryState, 'version' | 'minute' | 'hour'> = { version: 0, minute: null, hour: null };

  constructor(clock: Pick<Clock, 'wallMs'>) {
    this.#clock = clock;
  }

  /** All stored pages. */
  stored(): HistoryPage[] {
    return [...this.#pages.values()];
  }

  /** Replaces what is stored by something that nobody can read. */
  damage(what: 'baselines' | 'pages'): void {
    const bytes = Uint8Array.of(99);
    if (what === 'baselines') for (const key of this.#baselines.keys()) this.#baselines.set(key, bytes);
    else for (const [key, page] of this.#pages) this.#pages.set(key, { ...page, data: bytes });
  }

  report(report: HistoryReport): Promise<boolean> {
    return this.#call(() => {
      if (this.#nowMs() >= (report.minute + 1) * 60_000 + CLOSED_MS) return false;
      this.writes += 1;
      this.#reports.set(`${report.minute}:${report.process}`, report);
      return true;
    });
  }

  reports(): Promise<HistoryReport[]> {
    return this.#call(() => [...this.#reports.values()]);
  }

  state(): Promise<HistoryState> {
    return this.#call(() => ({ ...this.#state, nowMs: this.#nowMs(), baselines: new Map(this.#baselines) }));
  }

  put({ version, minute, hour, pages, baselines, removed }: Put): Promise<boolean> {
    return this.#call(() => {
      if (version !== this.#state.version) return false;
      this.writes += 1;
      this.#state = { version: version + 1, minute, hour };
      for (const page of pages) this.#pages.set(`${page.by} ${page.step} ${page.at}`, page);
      for (const [queue, bytes] of baselines) this.#baselines.set(queue, bytes);
      for (const queue of removed) this.#baselines.delete(queue);
      for (const [key, report] of this.#reports) if (report.minute <= minute) this.#reports.delete(key);
      return true;
    });
  }

  pages({ by, step, from, to }: Range): Promise<HistoryPage[]> {
    return this.#call(() =>
      this.stored()
        .filter((page) => page.by === by && page.step === step && page.at >= from && page.at < to)
        .sort((a, b) => a.at - b.at),
    );
  }

  #nowMs(): number {
    return this.#clock.wallMs() + this.aheadMs;
  }

  #call<T>(handle: () => T): Promise<T> {
    const { fails } = this;
    const result = fails === 'before' ? undefined : handle();
    if (fails === 'no') return Promise.resolve(result as T);
    const outcome = fails === 'before' ? 'not_stored' : 'unknown';
    const given = { broker: 'fake', outcome, cause: 'planned error' } as const;
    return Promise.reject(new TaskCenterError('broker-unavailable', given));
  }
}

type Totals = QueueFacts['totals'];

const NO_TOTALS: Totals = {
  enqueued: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  uncounted: 0,
  revoked: 0,
  cancelledRunning: 0,
  deferred: 0,
  recovered: 0,
  unreadable: 0,
  retried: 0,
  archived: 0,
  cancelled: 0,
  quarantined: 0,
};

/** Queues with counters that a test sets. */
export class FakeQueues {
  readonly #facts = new Map<string, QueueFacts>();

  /** Adds to counters. */
  count(queue: string, by: Partial<Totals>): void {
    const facts = this.#of(queue);
    const totals = { ...facts.totals };
    for (const [name, count] of Object.entries(by)) totals[name as keyof Totals] += count;
    this.#facts.set(queue, { ...facts, totals });
  }

  set(
    queue: string,
    facts: Partial<Omit<QueueFacts, 'counts'>> & { counts?: Partial<QueueFacts['counts']> },
  ): void {
    const before = this.#of(queue);
    this.#facts.set(queue, { ...before, ...facts, counts: { ...before.counts, ...facts.counts } });
  }

  remove(queue: string): void {
    this.#facts.delete(queue);
  }

  queues(): Promise<string[]> {
    return Promise.resolve([...this.#facts.keys()].sort());
  }

  queueFacts(queues: readonly string[]): Promise<QueueFacts[]> {
    return Promise.resolve(queues.map((queue) => this.#of(queue)));
  }

  #of(queue: string): QueueFacts {
    return (
      this.#facts.get(queue) ?? {
        queue,
        counts: {
          pending: 0,
          active: 0,
          scheduled: 0,
          retry: 0,
          archived: 0,
          completed: 0,
          cancelled: 0,
          aggregating: 0,
        },
        paused: false,
        pauseReason: null,
        oldestPendingMs: null,
        oldestAggregatingMs: null,
        processed: 0,
        failed: 0,
        totals: NO_TOTALS,
        groups: 0,
        anomalies: { dropped: 0, archived: 0, renamedKeys: 0 },
      }
    );
  }
}
