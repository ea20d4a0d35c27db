// Runs requests of the main thread in transactions. Belongs to the writer thread. Group commit: requests that have
// arrived together share a transaction and its fsync, which is what limits the rate of writes to a disk.
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { systemClock } from '../../../runtime/clock.ts';
import type { Statement } from './driver/driver.ts';
import { messageOf } from '../../../errors/task-center-error.ts';
import { toWire, errorKindOf, type WireError } from '../errors.ts';
import type { RequestName, RequestHandlers } from './requests.ts';
import type { Packet } from '../packing.ts';
import { noDiskReserve, type DiskReserve } from './disk-reserve.ts';
import type { FileWatch } from './owner/file-watch.ts';
import type { Now, Store } from './store.ts';

/** A request of the main thread: which handler to call, and with what. */
export interface WriterRequest {
  readonly name: string;
  readonly call: Packet<unknown>;
  readonly now: Now;
}

export type Answer = { readonly reply: Packet<unknown> } | { readonly error: WireError };

/** A transaction takes no more requests after this time, ms. They go into the next one. */
const MAX_GROUP_MS = 50;

/** Requests that need disk space for new data, and the one that asks whether they would be taken. They are refused while the disk reserve is spent. */
const REFUSED_WHEN_FULL: ReadonlySet<string> = new Set<RequestName>([
  'enqueue',
  'schedulePut',
  'scheduleFire',
  'checkWritable',
]);

type RequestHandler = (call: Packet<unknown>, now: Now) => Packet<unknown>;

export interface GroupCommitOptions {
  /** Default: none. */
  readonly reserve?: DiskReserve;
  /** Says whether the file is still ours. Default: it always is. */
  readonly watch?: Pick<FileWatch, 'refusal'>;
}

/**
 * Group commit over one file. When a transaction fails its requests are run again one by one, each in a transaction of
 * its own. A request that fails then does not affect the others.
 */
export class GroupCommit {
  readonly #store: Store;
  readonly #handlers: ReadonlyMap<string, RequestHandler>;
  readonly #broker: string;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #reserve: DiskReserve;
  readonly #watch: Pick<FileWatch, 'refusal'>;
  #brokenCause: string | null = null;

  constructor(store: Store, handlers: RequestHandlers, options: GroupCommitOptions = {}) {
    this.#store = store;
    this.#reserve = options.reserve ?? noDiskReserve;
    this.#watch = options.watch ?? { refusal: () => null };
    this.#handlers = new Map(Object.entries(handlers) as [string, RequestHandler][]);
    this.#broker = `sqlite:${store.database.path}`;
    this.#begin = store.database.prepare('BEGIN IMMEDIATE');
    this.#commit = store.database.prepare('COMMIT');
  }

  /** Why the file can no longer be written, until the process ends; null while it can. */
  get brokenCause(): string | null {
    return this.#brokenCause;
  }

  /** Ends the use of the file. */
  breakDown(cause: string): void {
    this.#brokenCause ??= cause;
  }

  /**
   * Runs requests in one transaction and commits them with one fsync. Takes at least one request, and no more after
   * `MAX_GROUP_MS`. Returns one answer per request taken, in order; the caller passes the others to its next call.
   */
  run(requests: readonly WriterRequest[]): Answer[] {
    return this.#store.database.gate.run(() => this.#runAll(requests));
  }

  #runAll(requests: readonly WriterRequest[]): Answer[] {
    const refusal = this.#brokenCause ?? this.#watch.refusal();
    if (refusal !== null) return requests.map(() => this.#unavailable(refusal, 'not_stored'));
    try {
      const answers = this.#runTransaction(requests);
      // A commit may take long. What another owner cannot see is not acknowledged.
      const late = this.#watch.refusal();
      return late === null ? answers : answers.map(() => this.#unavailable(late, 'unknown'));
    } catch (error) {
      if (!this.#rollBack(error)) return requests.map(() => this.#unavailable(messageOf(error), 'unknown'));
      if (errorKindOf(error) === 'full') this.#makeRoom();
      return requests.map((request) => this.#runAlone(request));
    }
  }

  #runTransaction(requests: readonly WriterRequest[]): Answer[] {
    this.#store.database.log.beforeTransaction();
    this.#begin.run();
    const answers: Answer[] = [];
    const endMs = systemClock.monotonicMs() + MAX_GROUP_MS;
    for (const request of requests) {
      if (answers.length > 0 && systemClock.monotonicMs() > endMs) break;
      answers.push(this.#handle(request));
    }
    this.#store.queues.writeTotals();
    this.#commit.run();
    return answers;
  }

  #handle({ name, call, now }: WriterRequest): Answer {
    try {
      if (REFUSED_WHEN_FULL.has(name) && this.#reserve.isSpent())
        throw new TaskCenterError('broker-full', { broker: this.#broker });
      const handler = this.#handlers.get(name);
      if (!handler) throw new TypeError(`there is no handler for requests named ${name}`);
      return { reply: handler(call, now) };
    } catch (error) {
      if (error instanceof TaskCenterError) return { error: toWire(error) };
      throw error;
    }
  }

  #runAlone(request: WriterRequest): Answer {
    const { brokenCause } = this;
    if (brokenCause !== null) return this.#unavailable(brokenCause, 'not_stored');
    try {
      return this.#runTransaction([request])[0]!;
    } catch (error) {
      return this.#rollBack(error)
        ? this.#errorAnswer(error)
        : this.#unavailable(messageOf(error), 'unknown');
    }
  }

  /** Returns to the state before the transaction. False = that is no longer possible, see `brokenCause`. */
  #rollBack(error: unknown): boolean {
    const { database, queues, tasks } = this.#store;
    try {
      if (errorKindOf(error) === 'fatal') throw error;
      if (database.inTransaction) database.exec('ROLLBACK');
      queues.reload();
      tasks.reloadRequests();
      return true;
    } catch (fatal) {
      this.#brokenCause = messageOf(fatal);
      return false;
    }
  }

  /** Gives the reserve to outcomes, and lets the log be written from its start again, which needs no space. */
  #makeRoom(): void {
    this.#reserve.spend();
    try {
      this.#store.database.log.checkpoint();
    } catch {
      // The disk may be too full even for this. The requests then fail one by one.
    }
  }

  /** The answer to a request that failed in a transaction of its own. */
  #errorAnswer(error: unknown): Answer {
    const broker = this.#broker;
    const kind = errorKindOf(error);
    if (kind === 'full') return { error: toWire(new TaskCenterError('broker-full', { broker })) };
    const cause = messageOf(error);
    if (kind === 'read-only' || kind === 'locked') return this.#unavailable(cause, 'not_stored');
    return { error: toWire(new TaskCenterError('broker-refused', { broker, cause })) };
  }

  #unavailable(cause: string, outcome: 'not_stored' | 'unknown'): Answer {
    return {
      error: toWire(new TaskCenterError('broker-unavailable', { broker: this.#broker, outcome, cause })),
    };
  }
}
