/**
 * Sends callbacks over HTTP/1.1 on connections of our own: docs/callbacks.md. One time limit holds for all phases
 * of an exchange, memory is bounded, and every failure has a class. There are no redirects, no proxy and no retry: the
 * engine retries. Only a request on an idle connection that ends before any answer is sent once more.
 */
import type { Clock } from '@task-center/engine';
import { faultOf, type Fault } from './faults.ts';
import { AnswerReader, type ReadAnswer } from './http1/answer-reader.ts';
import { createConnector, type Connector } from './http1/connect.ts';
import { ReceiverConnection } from './http1/connection.ts';
import { ReceiverConnections } from './http1/connections.ts';
import { requestFault, requestHead } from './http1/request-head.ts';
import { quoted } from './headers.ts';
import type { CallbackRequest } from './request.ts';

/** A receiver's answer. Times are ms since the start of the exchange. */
export interface Answer extends ReadAnswer {
  readonly firstByteMs: number;
}

/** The result of an exchange: an answer or a fault. Once a status was read there is an answer, though it may be cut. */
export interface Delivered {
  readonly answer: Answer | null;
  readonly fault: Fault | null;
  readonly remoteAddress: string | null;
  /** Null = not connected. */
  readonly connectMs: number | null;
  /** Why the request was sent a second time; null = it was not. */
  readonly resent: string | null;
}

export interface DeliverLimits {
  /** Longest time to connect, TLS handshake included. */
  readonly connectMs: number;
  /** Longest time from the start to the last byte; `Infinity` = no limit. */
  readonly totalMs: number;
  /** Longest time from the start to the last byte of an answer whose status was read. Default: `totalMs`. */
  readonly answerMs?: number;
  /** The time limit that messages name. Default: the one that ended the exchange. */
  readonly namedMs?: number;
  /** Ends the exchange at once, with a fault of class `cancelled` if the task was cancelled, else `timeout`. */
  readonly signal?: AbortSignal;
}

export interface Deliverer {
  /** Sends one request. Never rejects: failures are faults. */
  deliver(request: CallbackRequest, limits: DeliverLimits): Promise<Delivered>;
  /** Ends every exchange whose status was read: it decides, and the rest is cut. */
  endAnswers(): void;
  /** Closes all connections. */
  close(): Promise<void>;
}

export interface DelivererDeps {
  /** Exchanges at once. Idle connections are closed when used and idle ones together would be more. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** See `createConnector`. */
  readonly ca?: string | Buffer;
}

/** Shorter than the 5 s after which many receivers close idle connections. */
const IDLE_MS = 4_000;
/** As long as a receiver may ask for. */
const MAX_IDLE_MS = 30_000;
const CLOSED = 'the connection was closed';

/** What the exchanges of a deliverer share. */
interface Services {
  readonly clock: DelivererDeps['clock'];
  readonly connect: Connector;
  readonly connections: ReceiverConnections;
}

/** Why the attempt ended: the engine says it in the reason of its signal. */
function abortFault(signal: AbortSignal | undefined): Fault {
  const { cause } = (signal?.reason ?? {}) as { cause?: unknown };
  return cause === 'cancelled'
    ? { class: 'cancelled', message: 'the task was cancelled; the connection was closed' }
    : { class: 'timeout', message: 'the attempt was ended' };
}

/** Resolves when the event loop has looked at every connection again. */
const nextPoll = (act: () => void): unknown => setImmediate(() => setImmediate(act));

/** One exchange. It ends exactly once: by the answer, by the connection, by a timer or by the signal. */
class DeliveryInProgress {
  readonly done: Promise<Delivered>;
  readonly #services: Services;
  readonly #request: CallbackRequest;
  readonly #limits: DeliverLimits;
  readonly #url: URL;
  readonly #startedMs: number;
  readonly #timers: ReturnType<Clock['after']>[] = [];
  readonly #reader = new AnswerReader();
  readonly #connecting = new AbortController();
  readonly #onAbort = () => this.#giveUp(abortFault(this.#limits.signal));
  #resolve: ((delivered: Delivered) => void) | undefined;
  #connection: ReceiverConnection | undefined;
  #connectMs: number | null = null;
  #firstByteMs: number | null = null;
  #remoteAddress: string | null = null;
  #resent: string | null = null;

  constructor(services: Services, request: CallbackRequest, limits: DeliverLimits) {
    this.#services = services;
    this.#request = request;
    this.#limits = limits;
    this.#url = new URL(request.url);
    this.#startedMs = services.clock.monotonicMs();
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    this.#startTimers();
    this.#begin();
  }

  #startTimers(): void {
    const { totalMs, answerMs = Infinity, signal } = this.#limits;
    this.#after(totalMs, () => this.#giveUp(this.#lateFault(totalMs)));
    this.#after(answerMs, () => {
      if (this.#reader.hasStatus) this.#giveUp(this.#lateFault(answerMs));
    });
    if (signal?.aborted) queueMicrotask(this.#onAbort);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  #after(ms: number, act: () => void): void {
    if (ms !== Infinity) this.#timers.push(this.#services.clock.after(Math.max(0, ms), act));
  }

  #lateFault(limitMs: number): Fault {
    const what = this.#reader.hasStatus ? 'it did not end in time' : `no answer in time${this.#begun()}`;
    return { class: 'timeout', message: `${what} (limit ${this.#limits.namedMs ?? limitMs} ms)` };
  }

  /** What has arrived of an answer without a status. */
  #begun(): string {
    const { beginning } = this.#reader;
    return beginning === '' ? '' : `, only ${quoted(beginning)}`;
  }

  /** Ms since the start. */
  #sinceStart(): number {
    return Math.round(this.#services.clock.monotonicMs() - this.#startedMs);
  }

  #begin(): void {
    const fault = requestFault(this.#request);
    if (fault !== null) return this.#end({ class: 'protocol', message: fault });
    const kept = this.#services.connections.take(this.#url.origin);
    if (!kept) return void this.#connect();
    this.#connection = kept;
    // Bytes that the receiver has sent before this request are no answer to it. Reading first closes such a connection.
    nextPoll(() => {
      if (!this.#resolve) return;
      if (kept.isOpen) this.#sendOn(kept, true);
      else void this.#connect();
    });
  }

  async #connect(): Promise<void> {
    const { clock, connect, connections } = this.#services;
    const { connectMs } = this.#limits;
    const timer = clock.after(connectMs, () =>
      this.#giveUp({ class: 'connect_timeout', message: `no connection within ${connectMs} ms` }),
    );
    this.#timers.push(timer);
    try {
      const socket = await connect(this.#url, this.#connecting.signal);
      timer.cancel();
      const connection = new ReceiverConnection(socket, clock.monotonicMs());
      connections.add(connection);
      if (this.#resolve) this.#sendOn(connection, false);
      else connection.destroy();
    } catch (error) {
      this.#end(faultOf(error, false));
    }
  }

  #sendOn(connection: ReceiverConnection, isKept: boolean): void {
    this.#connection = connection;
    this.#connectMs = this.#sinceStart();
    this.#remoteAddress = connection.remoteAddress;
    connection.send(requestHead(this.#request), this.#request.body, {
      onBytes: (bytes) => {
        this.#firstByteMs ??= this.#sinceStart();
        if (this.#reader.add(bytes)) this.#end(this.#protocolFault());
      },
      onClosed: (error) => this.#onClosed(error, isKept),
    });
  }

  #onClosed(error: Error | null, isKept: boolean): void {
    if (!this.#resolve) return;
    if (isKept && !this.#reader.hasBegun) {
      this.#resent = `sent again on a new connection: the idle one was closed${error ? ` (${error.message})` : ''}`;
      return void this.#connect();
    }
    this.#reader.stop(error?.message ?? CLOSED, error === null);
    const fault = error
      ? faultOf(error, true)
      : { class: 'reset' as const, message: `${CLOSED} without an answer${this.#begun()}` };
    this.#end(fault);
  }

  #protocolFault(): Fault | null {
    const { fault } = this.#reader;
    return fault === null ? null : { class: 'protocol', message: `the answer is not valid HTTP: ${fault}` };
  }

  /** Ends the exchange if its status was read. */
  endAnswer(): void {
    if (this.#reader.hasStatus) this.#giveUp({ class: 'timeout', message: 'the worker stops' });
  }

  /** Ends what is under way. What has arrived still counts. */
  #giveUp(fault: Fault): void {
    this.#reader.stop(fault.message);
    this.#connecting.abort(new Error(fault.message));
    this.#end(fault);
  }

  /** Resolves `done`; later calls have no effect. The fault counts only if there is no answer. */
  #end(fault: Fault | null): void {
    const resolve = this.#resolve;
    if (!resolve) return;
    this.#resolve = undefined;
    for (const timer of this.#timers) timer.cancel();
    this.#limits.signal?.removeEventListener('abort', this.#onAbort);
    this.#letGo();
    const read = this.#reader.answer();
    resolve({
      answer: read && { ...read, firstByteMs: this.#firstByteMs ?? this.#sinceStart() },
      fault: read ? null : fault,
      remoteAddress: this.#remoteAddress,
      connectMs: this.#connectMs,
      resent: this.#resent,
    });
  }

  /** Keeps the connection for later requests if it is in order, else closes it. */
  #letGo(): void {
    const connection = this.#connection;
    if (!connection) return;
    const keepMs = this.#reader.keepMs(IDLE_MS, MAX_IDLE_MS);
    if (connection.release()) this.#services.connections.keep(this.#url.origin, connection, keepMs);
    else connection.destroy();
  }
}

/** Creates a deliverer with connections of its own. */
export function createDeliverer({ concurrency, clock, ca }: DelivererDeps): Deliverer {
  const connections = new ReceiverConnections(clock);
  const services: Services = { clock, connect: createConnector({ clock, ca }), connections };
  const inProgress = new Set<DeliveryInProgress>();
  return {
    async deliver(request, limits) {
      const exchange = new DeliveryInProgress(services, request, limits);
      inProgress.add(exchange);
      connections.keepOnly(concurrency - inProgress.size);
      const delivered = await exchange.done;
      inProgress.delete(exchange);
      connections.keepOnly(concurrency - inProgress.size);
      return delivered;
    },
    endAnswers() {
      for (const exchange of inProgress) exchange.endAnswer();
    },
    close() {
      connections.close();
      return Promise.resolve();
    },
  };
}
