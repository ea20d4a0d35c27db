// The writer thread as the main thread sees it: sends calls to it in batches, and settles their promises when the answers
// come. Runs in the main thread.
import type { Worker } from 'node:worker_threads';
import type { AllowableFinding } from '../../../broker/findings.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import { messageOf, TaskCenterError } from '../../../errors/task-center-error.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import { systemClock, type Timer } from '../../../runtime/clock.ts';
import { createRemoteRenewer, type RemoteRenewer } from '../../../leases/remote-renewer.ts';
import type { GateKeeper } from '../call-gate.ts';
import { fromWire, type WireError } from '../errors.ts';
import type { AnswerOf, RequestName, RequestOf, StoreCalls } from '../thread/requests.ts';
import type { FileFinding, FromWriter, ToWriter } from '../messages.ts';
import { RemoteBackups } from './backups.ts';
import { terminate } from './exit-hook.ts';
import { pack, plain, toEnvelope, unpack, type ReceivedPacket, type Envelope } from '../packing.ts';
import type { QueueChange } from '../states.ts';

export interface WriterDeps {
  /** Absolute. */
  readonly path: string;
  readonly nowMs?: () => number;
  readonly allow?: readonly AllowableFinding[];
  /** Called with what is found about the file, first before the writer is there, then with each change. */
  onFound(found: readonly FileFinding[]): void;
  /** Called with every queue at the start, then with the queues that were written to, and the awaited tasks that have ended. */
  onChanges(queues: readonly QueueChange[], ended: readonly TaskRef[]): void;
  /** Called once, when the file can no longer be used. All later calls are rejected. */
  onBroken(cause: string): void;
  /** The thread's entry; only tests set it. */
  readonly entry?: URL;
}

/** A call that waits for its answer. */
interface WaitingCall {
  readonly envelope: Envelope;
  readonly startedMs: number;
  settled: boolean;
  /** Whether the caller waits until its signal aborts, not for `MAX_CALL_MS`. */
  isPatient(): boolean;
  resolve(reply: ReceivedPacket<unknown, unknown>): void;
  reject(error: TaskCenterError): void;
}

/** Bounds of the waiting calls. Beyond them calls are rejected at once, which bounds the memory they use. */
const MAX_WAITING_CALLS = 10_000;
const MAX_WAITING_BYTES = 64 * 1_024 * 1_024;
/** A call without a signal is rejected after this time, ms. */
const MAX_CALL_MS = 5_000;
/** How often late calls are looked for, ms. */
const LATE_CHECK_MS = 250;
/** After this time, ms, a thread that does not close is terminated. */
const MAX_CLOSE_MS = 10_000;

/** A call of this size, bytes, is sent at once: the thread works on it while the next call is prepared. */
const LARGE_BYTES = 16_384;

type Outcome = 'not_stored' | 'unknown';

/** Whether this process ends by SIGKILL. */
let isArmed = false;

/**
 * Ends the process with SIGKILL when it would end by itself. Any other end closes the file, and SQLite then copies its log into
 * it and removes the log: both belong to another process by now. There is no way to tell the driver not to.
 */
function endWithoutClosing(): void {
  if (isArmed) return;
  isArmed = true;
  process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
}

/** The thread that owns the file. Calls are answered in the order in which they were made. */
export class Writer implements StoreCalls {
  /** Renews leases in the thread. */
  readonly leaseRenewal: RemoteRenewer;
  readonly #backups: RemoteBackups;
  readonly #worker: Worker;
  readonly #gate: GateKeeper;
  readonly #deps: WriterDeps;
  readonly #broker: string;
  readonly #exited: Promise<void>;
  /** Made in this turn of the event loop, not sent yet. */
  #unsent: WaitingCall[] = [];
  /** Sent to the thread, oldest first. A call that was rejected stays here until its answer comes. */
  #sent: WaitingCall[] = [];
  /** Size of all waiting calls. */
  #waitingBytes = 0;
  #flushing = false;
  #sweep: Timer | undefined;
  #brokenCause: string | null = null;
  #closing: Promise<void> | undefined;
  #isAbandoned = false;
  #markAbandoned = () => {};
  readonly #abandoned = new Promise<void>((resolve) => (this.#markAbandoned = resolve));

  constructor(worker: Worker, gate: GateKeeper, deps: WriterDeps) {
    this.#worker = worker;
    this.#gate = gate;
    this.#deps = deps;
    this.#broker = `sqlite:${deps.path}`;
    this.leaseRenewal = createRemoteRenewer({
      post: (message) => worker.postMessage({ kind: 'renewer', message } satisfies ToWriter, []),
      // The thread that owns the file cannot be replaced.
      replace() {},
    });
    this.#backups = new RemoteBackups((message) => worker.postMessage(message, []));
    worker.on('message', (message: FromWriter) => this.#receive(message));
    worker.on('error', (error) => this.#break(messageOf(error)));
    this.#exited = new Promise((resolve) => {
      worker.on('exit', (code) => {
        if (!this.#closing) this.#break(`its writer thread ended with code ${code}`);
        this.#rejectAll(
          this.#brokenCause === null ? this.#closed() : this.#unavailable('unknown', this.#brokenCause),
        );
        resolve();
      });
    });
  }

  /**
   * Has the thread handle a request. Calls made in one turn of the event loop are sent together.
   *
   * @throws TaskCenterError `broker-closed`, `broker-unavailable`, `broker-full`, `broker-refused`; those of the handler
   */
  run<Name extends RequestName>(
    name: Name,
    call: RequestOf<Name>,
    { signal }: CallOptions = {},
  ): Promise<AnswerOf<Name>> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    const waiting = this.#unsent.length + this.#sent.length;
    if (waiting >= MAX_WAITING_CALLS || this.#waitingBytes >= MAX_WAITING_BYTES) {
      return Promise.reject(
        this.#unavailable('not_stored', `${waiting} calls are already waiting for the disk`),
      );
    }
    return new Promise((resolve, reject) => {
      const waitingCall: WaitingCall = {
        envelope: toEnvelope(name, call),
        startedMs: systemClock.monotonicMs(),
        isPatient: () => signal?.aborted === false,
        settled: false,
        resolve: resolve as WaitingCall['resolve'],
        reject,
      };
      this.#waitingBytes += waitingCall.envelope.size;
      this.#unsent.push(waitingCall);
      if (waitingCall.envelope.size >= LARGE_BYTES) this.#flush();
      else this.#schedule();
    });
  }

  /** Sends a request without bytes, and resolves to the data of the answer. */
  async ask<Name extends RequestName>(
    name: Name,
    data: RequestOf<Name>['data'],
    options?: CallOptions,
  ): Promise<AnswerOf<Name>['data']> {
    return (await this.run(name, plain(data) as RequestOf<Name>, options)).data;
  }

  /** Has the thread write a copy to a new file. Resolves to its size. */
  backUp(path: string, signal?: AbortSignal): Promise<number> {
    const refusal = this.#refusal();
    return refusal ? Promise.reject(refusal) : this.#backups.write(path, signal);
  }

  /** Whether no call waits for its answer. */
  get isIdle(): boolean {
    return this.#unsent.length + this.#sent.length === 0;
  }

  /** Has the thread answer all calls made so far and close the file. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#closeThread();
    return this.#closing;
  }

  async #closeThread(): Promise<void> {
    this.#flush();
    this.#worker.postMessage({ kind: 'close' } satisfies ToWriter, []);
    const overdue = systemClock.after(MAX_CLOSE_MS, () => void terminate(this.#worker, this.#gate));
    await Promise.race([this.#exited, this.#abandoned]);
    overdue.cancel();
    if (this.#isAbandoned) {
      this.#worker.unref();
      this.#rejectAll(this.#closed());
    }
    this.#sweep?.cancel();
  }

  #schedule(): void {
    this.#sweep ??= systemClock.every(LATE_CHECK_MS, () => this.#rejectLate()).unref();
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const calls = this.#unsent.filter((call) => !call.settled);
    this.#unsent = [];
    if (calls.length === 0) return;
    const batch = pack(calls.map((call) => call.envelope));
    for (const call of calls) this.#sent.push(call);
    const message: ToWriter = { kind: 'calls', batch, nowMs: this.#deps.nowMs?.() ?? null };
    this.#worker.postMessage(message, batch.bytes ? [batch.bytes.buffer] : []);
  }

  #receive(message: FromWriter): void {
    if (message.kind === 'renewer') return this.leaseRenewal.receive(message.message);
    if (message.kind === 'backup') return this.#backups.receive(message);
    if (message.kind === 'found') return this.#deps.onFound(message.found);
    if (message.kind === 'broken') return this.#break(message.cause);
    if (message.kind === 'lost') return this.#abandon();
    if (message.kind !== 'answers') return;
    const answers = unpack(message.batch);
    this.#deps.onChanges(message.queueChanges, message.ended);
    const calls = this.#sent.splice(0, answers.length);
    for (const [index, { header, packet }] of answers.entries()) {
      const call = calls[index];
      if (!call) break;
      this.#waitingBytes -= call.envelope.size;
      if (call.settled) continue;
      call.settled = true;
      if (header === 0) call.resolve(packet);
      else call.reject(fromWire(packet.data as WireError));
    }
    if (message.brokenCause !== null) this.#break(message.brokenCause);
  }

  /** The thread goes on, as its end would write to a file that another process owns now. */
  #abandon(): void {
    if (this.#isAbandoned) return;
    this.#isAbandoned = true;
    endWithoutClosing();
    this.#markAbandoned();
  }

  #break(cause: string): void {
    if (this.#brokenCause !== null) return;
    this.#brokenCause = cause;
    this.#deps.onBroken(cause);
  }

  /** Rejects calls that take too long. The thread may still carry them out. */
  #rejectLate(): void {
    if (this.#unsent.length + this.#sent.length === 0) {
      this.#sweep?.cancel();
      this.#sweep = undefined;
    }
    const earliestMs = systemClock.monotonicMs() - MAX_CALL_MS;
    for (const call of this.#sent) {
      if (call.startedMs > earliestMs) break;
      if (!call.isPatient()) this.#reject(call, this.#unavailable('unknown', 'the disk takes too long'));
    }
  }

  #rejectAll(error: TaskCenterError): void {
    this.#backups.rejectAll(error);
    for (const call of [...this.#sent, ...this.#unsent]) this.#reject(call, error);
    this.#sent = [];
    this.#unsent = [];
    this.#waitingBytes = 0;
  }

  #reject(call: WaitingCall, error: TaskCenterError): void {
    if (call.settled) return;
    call.settled = true;
    call.reject(error);
  }

  /** Why nothing more is sent to the thread; null = it may be. */
  #refusal(): TaskCenterError | null {
    if (this.#closing) return this.#closed();
    return this.#brokenCause === null ? null : this.#unavailable('not_stored', this.#brokenCause);
  }

  #closed(): TaskCenterError {
    return new TaskCenterError('broker-closed', { broker: this.#broker });
  }

  #unavailable(outcome: Outcome, cause: string): TaskCenterError {
    return new TaskCenterError('broker-unavailable', { broker: this.#broker, outcome, cause });
  }
}
