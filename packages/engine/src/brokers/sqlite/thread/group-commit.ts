import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Statement } from './database.ts';
import { causeOf, toWire, errorActionOf, type WireError } from '../errors.ts';
import type { RequestName, RequestHandlers } from './requests.ts';
import type { Packet } from '../packing.ts';
import { noDiskReserve, type DiskReserve } from './disk-reserve.ts';
import type { Now, Store } from './store.ts';

/** One call of an operation. */
export interface Job {
  readonly name: string;
  readonly call: Packet<unknown>;
  readonly now: Now;
}

export type Answer = { readonly reply: Packet<unknown> } | { readonly error: WireError };

/** Longest time in which a transaction takes on more, ms; others wait for its end. */
const MAX_GROUP_MS = 50;

/** What stores more; refused while the reserve is spent. */
const GROWING: ReadonlySet<string> = new Set<RequestName>(['enqueue']);

type Run = (call: Packet<unknown>, moment: Now) => Packet<unknown>;

/** Group commit over one file. An operation that fails alone never takes others down with it. */
export class GroupCommit {
  readonly #store: Store;
  readonly #runs: ReadonlyMap<string, Run>;
  readonly #broker: string;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #reserve: DiskReserve;
  #broken: string | null = null;

  constructor(store: Store, operations: RequestHandlers, reserve = noDiskReserve) {
    this.#store = store;
    this.#reserve = reserve;
    this.#runs = new Map(Object.entries(operations) as [string, Run][]);
    this.#broker = `sqlite:${store.database.path}`;
    this.#begin = store.database.prepare('BEGIN IMMEDIATE');
    this.#commit = store.database.prepare('COMMIT');
  }

  /** Why nothing may be written any more; null while all is well. */
  get broken(): string | null {
    return this.#broken;
  }

  /**
   * Runs as many of the jobs as fit a transaction of bounded time, at least one, and commits them together: one
   * fsync for all. Answers come in the jobs' order; what is left over is for the next call.
   */
  run(jobs: readonly Job[]): Answer[] {
    const { broken } = this;
    if (broken !== null) return jobs.map(() => this.#unavailable(broken, 'not_stored'));
    try {
      return this.#transaction(jobs);
    } catch (error) {
      if (!this.#recovered(error)) return jobs.map(() => this.#unavailable(causeOf(error), 'unknown'));
      if (errorActionOf(error) === 'full') this.#makeRoom();
      return jobs.map((job) => this.#alone(job));
    }
  }

  #transaction(jobs: readonly Job[]): Answer[] {
    this.#begin.run();
    const answers: Answer[] = [];
    const endMs = performance.now() + MAX_GROUP_MS;
    for (const job of jobs) {
      if (answers.length > 0 && performance.now() > endMs) break;
      answers.push(this.#answer(job));
    }
    this.#commit.run();
    return answers;
  }

  #answer({ name, call, now }: Job): Answer {
    try {
      if (GROWING.has(name) && this.#reserve.isSpent())
        throw new TaskCenterError('broker-full', { broker: this.#broker });
      const run = this.#runs.get(name);
      if (!run) throw new TypeError(`there is no operation ${name}`);
      return { reply: run(call, now) };
    } catch (error) {
      if (error instanceof TaskCenterError) return { error: toWire(error) };
      throw error;
    }
  }

  #alone(job: Job): Answer {
    const { broken } = this;
    if (broken !== null) return this.#unavailable(broken, 'not_stored');
    try {
      return this.#transaction([job])[0]!;
    } catch (error) {
      return this.#recovered(error) ? this.#failure(error) : this.#unavailable(causeOf(error), 'unknown');
    }
  }

  /** Back to a known state; false = there is none any more, see `broken`. */
  #recovered(error: unknown): boolean {
    const { database, queues } = this.#store;
    try {
      if (errorActionOf(error) === 'fatal') throw error;
      if (database.inTransaction) database.exec('ROLLBACK');
      queues.reload();
      return true;
    } catch (fatal) {
      this.#broken = causeOf(fatal);
      return false;
    }
  }

  /** Outcomes get the reserve; and a log that is written from its start again needs no room. */
  #makeRoom(): void {
    this.#reserve.spend();
    try {
      this.#store.database.exec('PRAGMA wal_checkpoint(RESTART)');
    } catch {
      // The disk may be too full even for this; the jobs then fail one by one.
    }
  }

  /** What one job gets that failed by itself. */
  #failure(error: unknown): Answer {
    const broker = this.#broker;
    const trouble = errorActionOf(error);
    if (trouble === 'full') return { error: toWire(new TaskCenterError('broker-full', { broker })) };
    const cause = causeOf(error);
    if (trouble === 'read-only' || trouble === 'locked') return this.#unavailable(cause, 'not_stored');
    return { error: toWire(new TaskCenterError('broker-refused', { broker, cause })) };
  }

  #unavailable(cause: string, outcome: 'not_stored' | 'unknown'): Answer {
    return {
      error: toWire(new TaskCenterError('broker-unavailable', { broker: this.#broker, outcome, cause })),
    };
  }
}
