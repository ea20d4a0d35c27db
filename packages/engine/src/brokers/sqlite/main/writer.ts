import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { LeaseRenewal } from '../../../broker/lease-renewal.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { clockOriginMs } from '../../../leases/main-clock.ts';
import { createRemoteRenewer, type RemoteRenewer } from '../../../leases/remote-renewer.ts';
import { entryUrl } from '../../../runtime/entry-url.ts';
import { causeOf, fromWire, type WireError } from '../errors.ts';
import type { CallOf, RequestName, ReplyOf } from '../thread/requests.ts';
import { pack, toEnvelope, unpack, type ReceivedPacket, type Batch, type Envelope } from '../packing.ts';
import type { FromRenewer, ToRenewer } from '../../../leases/renewer-messages.ts';
import type { QueueChange } from '../states.ts';

export interface WriterData {
  readonly path: string;
  /** The time that tests set. */
  readonly nowMs: number | null;
  /** Of the main thread's monotonic clock. */
  readonly originMs: number;
}

export type ToWriter =
  | { readonly kind: 'calls'; readonly batch: Batch; readonly nowMs: number | null }
  | { readonly kind: 'renewer'; readonly message: ToRenewer }
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready'; readonly news: readonly QueueChange[] }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'renewer'; readonly message: FromRenewer }
  | {
      readonly kind: 'answers';
      readonly batch: Batch;
      readonly news: readonly QueueChange[];
      readonly broken: string | null;
    };

export interface WriterDeps {
  /** Absolute. */
  readonly path: string;
  readonly nowMs?: () => number;
  /** Told of every queue at the start, and of those that were written to. */
  onQueueChanges(news: readonly QueueChange[]): void;
  /** The writer can do nothing more, for the reason given. */
  onBroken(cause: string): void;
  /** The thread's entry; tests use others. */
  readonly entry?: URL;
}

/** The thread that owns the file, as the main thread sees it. */
export interface Writer {
  /** Runs an operation; calls made in one turn of the event loop travel together. */
  run<N extends RequestName>(name: N, call: CallOf<N>, options?: CallOptions): Promise<ReplyOf<N>>;
  /** Renews leases in the thread. */
  readonly leaseRenewal: LeaseRenewal;
  /** Finishes what was called, gives the file back. May be called twice. */
  close(): Promise<void>;
}

/** A call in wait for its answer. */
interface Waiting {
  readonly parcel: Envelope;
  readonly startedMs: number;
  settled: boolean;
  /** Whether the caller waits as long as it takes. */
  isPatient(): boolean;
  resolve(reply: ReceivedPacket<unknown, unknown>): void;
  reject(error: TaskCenterError): void;
}

/** Bounds of what waits; beyond them calls are refused at once, so that memory is bounded too. */
const MAX_CALLS = 10_000;
const MAX_BATCH_BYTES = 64 * 1_024 * 1_024;
/** A call without a signal ends after this, ms. */
const MAX_CALL_MS = 5_000;
const SWEEP_MS = 250;
const MAX_CLOSE_MS = 10_000;

/** A call this large is handed over at once: the thread works on it while the next one is made. */
const LARGE_BYTES = 16_384;

type Outcome = 'not_stored' | 'unknown';

class WriterThread implements Writer {
  readonly leaseRenewal: RemoteRenewer;
  readonly #worker: Worker;
  readonly #deps: WriterDeps;
  readonly #broker: string;
  readonly #exited: Promise<void>;
  /** Called in this turn of the event loop. */
  #calls: Waiting[] = [];
  /** With the thread, which answers in order. */
  #sent: Waiting[] = [];
  #bytes = 0;
  #flushing = false;
  #sweep: NodeJS.Timeout | undefined;
  #broken: string | null = null;
  #closing: Promise<void> | undefined;

  constructor(worker: Worker, deps: WriterDeps) {
    this.#worker = worker;
    this.#deps = deps;
    this.#broker = `sqlite:${deps.path}`;
    this.leaseRenewal = createRemoteRenewer({
      post: (message) => worker.postMessage({ kind: 'renewer', message } satisfies ToWriter, []),
      // It owns the file: there is no other one.
      replace() {},
    });
    worker.on('message', (message: FromWriter) => this.#receive(message));
    worker.on('error', (error) => this.#break(causeOf(error)));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        if (!this.#closing) this.#break(`its writer thread ended with code ${code}`);
        this.#rejectAll(this.#broken === null ? this.#closed() : this.#unavailable('unknown', this.#broken));
        resolve();
      });
    });
  }

  run<N extends RequestName>(name: N, call: CallOf<N>, { signal }: CallOptions = {}): Promise<ReplyOf<N>> {
    if (this.#closing) return Promise.reject(this.#closed());
    if (this.#broken !== null) return Promise.reject(this.#unavailable('not_stored', this.#broken));
    const waiting = this.#calls.length + this.#sent.length;
    if (waiting >= MAX_CALLS || this.#bytes >= MAX_BATCH_BYTES) {
      return Promise.reject(this.#unavailable('not_stored', `${waiting} calls wait for the disk already`));
    }
    return new Promise((resolve, reject) => {
      const one: Waiting = {
        parcel: toEnvelope(name, call),
        startedMs: performance.now(),
        isPatient: () => signal?.aborted === false,
        settled: false,
        resolve: resolve as Waiting['resolve'],
        reject,
      };
      this.#bytes += one.parcel.size;
      this.#calls.push(one);
      if (one.parcel.size >= LARGE_BYTES) this.#flush();
      else this.#schedule();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#flush();
    this.#worker.postMessage({ kind: 'close' } satisfies ToWriter, []);
    const late = setTimeout(() => void this.#worker.terminate(), MAX_CLOSE_MS);
    await this.#exited;
    clearTimeout(late);
    clearInterval(this.#sweep);
  }

  #schedule(): void {
    this.#sweep ??= setInterval(() => this.#rejectLate(), SWEEP_MS).unref();
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const calls = this.#calls.filter((one) => !one.settled);
    this.#calls = [];
    if (calls.length === 0) return;
    const batch = pack(calls.map((one) => one.parcel));
    for (const one of calls) this.#sent.push(one);
    const message: ToWriter = { kind: 'calls', batch, nowMs: this.#deps.nowMs?.() ?? null };
    this.#worker.postMessage(message, batch.bytes ? [batch.bytes.buffer] : []);
  }

  #receive(message: FromWriter): void {
    if (message.kind === 'renewer') return this.leaseRenewal.receive(message.message);
    if (message.kind !== 'answers') return;
    const answers = unpack(message.batch);
    this.#deps.onQueueChanges(message.news);
    const calls = this.#sent.splice(0, answers.length);
    for (const [i, { head, packet }] of answers.entries()) {
      const one = calls[i];
      if (!one) break;
      this.#bytes -= one.parcel.size;
      if (one.settled) continue;
      one.settled = true;
      if (head === 0) one.resolve(packet);
      else one.reject(fromWire(packet.data as WireError));
    }
    if (message.broken !== null) this.#break(message.broken);
  }

  #break(cause: string): void {
    if (this.#broken !== null) return;
    this.#broken = cause;
    this.#deps.onBroken(cause);
  }

  /** Ends calls that took too long; one that the thread has already may still be carried out. */
  #rejectLate(): void {
    if (this.#calls.length + this.#sent.length === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
    const earliestMs = performance.now() - MAX_CALL_MS;
    for (const one of this.#sent) {
      if (one.startedMs > earliestMs) break;
      if (!one.isPatient()) this.#reject(one, this.#unavailable('unknown', 'the disk takes too long'));
    }
  }

  #rejectAll(error: TaskCenterError): void {
    for (const one of [...this.#sent, ...this.#calls]) this.#reject(one, error);
    this.#sent = [];
    this.#calls = [];
    this.#bytes = 0;
  }

  #reject(one: Waiting, error: TaskCenterError): void {
    if (one.settled) return;
    one.settled = true;
    one.reject(error);
  }

  #closed(): TaskCenterError {
    return new TaskCenterError('broker-closed', { broker: this.#broker });
  }

  #unavailable(outcome: Outcome, cause: string): TaskCenterError {
    return new TaskCenterError('broker-unavailable', { broker: this.#broker, outcome, cause });
  }
}

/** The thread's first word: the queues that are there, or why it cannot serve. */
async function firstWord(worker: Worker, path: string): Promise<readonly QueueChange[]> {
  const spoken = new AbortController();
  const ended = once(worker, 'exit', { signal: spoken.signal });
  // `once` rejects with what an `error` event tells, such as a driver that cannot be loaded.
  const first = once(worker, 'message', { signal: spoken.signal });
  try {
    const [word] = (await Promise.race([first, ended])) as [FromWriter | number];
    if (typeof word === 'object' && word.kind === 'ready') return word.news;
    if (typeof word === 'object' && word.kind === 'failed') {
      // Only the thread's end lets go of the file.
      await ended;
      throw fromWire(word.error);
    }
    throw new Error('its writer thread ended before it began');
  } catch (error) {
    if (error instanceof TaskCenterError) throw error;
    throw new TaskCenterError('database-unusable', { path, cause: causeOf(error) });
  } finally {
    spoken.abort();
  }
}

/**
 * Starts the thread that opens the file.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`, `schema-too-new`
 */
export async function startWriter(deps: WriterDeps): Promise<Writer> {
  const { path, nowMs, entry = entryUrl('brokers/sqlite/thread/writer.thread') } = deps;
  const workerData: WriterData = { path, nowMs: nowMs?.() ?? null, originMs: clockOriginMs() };
  const worker = new Worker(entry, { workerData, execArgv: [], name: 'sqlite' });
  const news = await firstWord(worker, path);
  const link = new WriterThread(worker, deps);
  deps.onQueueChanges(news);
  return link;
}
