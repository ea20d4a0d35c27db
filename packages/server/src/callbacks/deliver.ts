/**
 * Sends callbacks over HTTP with undici: one timer over all phases of an exchange, bounded memory, and a fault class for every
 * failure. There are no redirects, no proxy and no retry: the engine retries.
 */
import type { Socket } from 'node:net';
import { dial, type Clock } from '@task-center/engine';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { createAnswerBody, type ReadBody } from './answer-body.ts';
import { faultOf, type Fault } from './faults.ts';
import type { CallbackRequest } from './request.ts';
import { watchSockets, type SocketWatch } from './socket-watch.ts';

/** A receiver's answer. Times are ms since the start of the exchange. */
export interface Answer extends ReadBody {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the body is incomplete: longer than what is read, or broken off. */
  readonly cut: boolean;
  readonly firstByteMs: number;
}

/** The result of an exchange. Both an answer and a fault: the answer broke off or did not end in time. */
export interface Delivered {
  readonly answer: Answer | null;
  readonly fault: Fault | null;
  readonly remoteAddress: string | null;
  /** Null = not connected. */
  readonly connectMs: number | null;
}

export interface DeliverLimits {
  /** Longest time to connect, TLS handshake included. */
  readonly connectMs: number;
  /** Longest time from the start to the last byte; `Infinity` = no limit. */
  readonly totalMs: number;
  /** Ends the exchange at once, with a fault of class `cancelled` if the task was cancelled, else `timeout`. */
  readonly signal?: AbortSignal;
}

export interface Deliverer {
  /** Sends one request. Never rejects: failures are faults. */
  deliver(request: CallbackRequest, limits: DeliverLimits): Promise<Delivered>;
  /** Closes all connections. */
  close(): Promise<void>;
}

export interface DelivererDeps {
  /** Connections per origin, at most. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

/**
 * Shorter than the 5 s after which many receivers close idle connections: a request on a closing connection fails.
 */
const IDLE_MS = 4_000;
const MAX_IDLE_MS = 30_000;
const MAX_ANSWER_HEADERS_BYTES = 16_384;

/** Connects by `dial`, and leaves TLS to undici. */
function createConnector(timeoutMs: number, clock: Pick<Clock, 'after'>): buildConnector.connector {
  // `rejectUnauthorized` is explicit: no environment variable can then turn it off.
  const secure = buildConnector({ timeout: timeoutMs, minVersion: 'TLSv1.2', rejectUnauthorized: true });
  const open = async (...[options, callback]: Parameters<typeof secure>): Promise<void> => {
    const { hostname: host, protocol } = options;
    const isSecure = protocol === 'https:';
    const port = Number(options.port || (isSecure ? 443 : 80));
    let socket: Socket;
    try {
      socket = await dial({ host, port, clock, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      return callback(error as Error, null);
    }
    if (isSecure) secure({ ...options, httpSocket: socket }, callback);
    else callback(null, socket);
  };
  return (options, callback) => void open(options, callback);
}

function createAgent(connectSeconds: number, { concurrency, clock }: DelivererDeps): Agent {
  return new Agent({
    connections: concurrency,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: MAX_IDLE_MS,
    maxHeaderSize: MAX_ANSWER_HEADERS_BYTES,
    // `DeliveryInProgress` has timers of its own, over all phases.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: createConnector(connectSeconds * 1_000, clock),
  });
}

/** Headers with lower-case names; repeated ones joined by commas. */
function flattenHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]));
}

/** Why the attempt ended: the engine says it in the reason of its signal. */
function abortFault(signal: AbortSignal | undefined): Fault {
  const { cause } = (signal?.reason ?? {}) as { cause?: unknown };
  return cause === 'cancelled'
    ? { class: 'cancelled', message: 'the task was cancelled; the connection was closed' }
    : { class: 'timeout', message: 'the attempt was ended' };
}

/** One exchange. It ends exactly once: by undici's events, by a timer or by the signal. */
class DeliveryInProgress implements Dispatcher.DispatchHandler {
  readonly done: Promise<Delivered>;
  readonly #clock: DelivererDeps['clock'];
  readonly #startedMs: number;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #body = createAnswerBody();
  readonly #limits: DeliverLimits;
  readonly #onAbort = () => this.#giveUp(abortFault(this.#limits.signal));
  #resolve: ((delivered: Delivered) => void) | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #answer: Pick<Answer, 'status' | 'headers' | 'firstByteMs'> | undefined;
  #connectMs: number | null = null;
  #remoteAddress: string | null = null;

  constructor(limits: DeliverLimits, clock: DelivererDeps['clock']) {
    this.#limits = limits;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    this.#startTimers();
  }

  #startTimers(): void {
    const { connectMs, totalMs, signal } = this.#limits;
    const giveUpAfter = (ms: number, fault: () => Fault | null) => {
      const timer = setTimeout(
        () => {
          const found = fault();
          if (found) this.#giveUp(found);
        },
        Math.max(0, ms),
      );
      this.#timers.push(timer);
    };
    giveUpAfter(connectMs, () =>
      this.#connectMs === null
        ? { class: 'connect_timeout', message: `no connection within ${connectMs} ms` }
        : null,
    );
    if (totalMs !== Infinity)
      giveUpAfter(totalMs, () => ({
        class: 'timeout',
        message: this.#answer ? 'the answer did not end in time' : 'no answer in time',
      }));
    if (signal?.aborted) queueMicrotask(this.#onAbort);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Ms since the start. */
  #sinceStart(): number {
    return Math.round(this.#clock.monotonicMs() - this.#startedMs);
  }

  /** Ends with a fault, and aborts the request if it was sent. */
  #giveUp(fault: Fault): void {
    this.#end(fault, true);
    this.#controller?.abort(new Error(fault.message));
  }

  /** Resolves `done`; later calls have no effect. */
  #end(fault: Fault | null, cut: boolean): void {
    if (!this.#resolve) return;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#limits.signal?.removeEventListener('abort', this.#onAbort);
    const answer = this.#answer ? { ...this.#answer, ...this.#body.read(), cut } : null;
    this.#resolve({ answer, fault, remoteAddress: this.#remoteAddress, connectMs: this.#connectMs });
    this.#resolve = undefined;
  }

  readonly onAddress = (address: string | null): void => {
    this.#remoteAddress = address;
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#connectMs = this.#sinceStart();
    // It ended while undici was still connecting: nothing may be sent any more.
    if (!this.#resolve) controller.abort(new Error('the exchange has ended'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // Interim answers such as 103 are not the answer.
    if (status < 200) return;
    this.#answer = { status, headers: flattenHeaders(headers), firstByteMs: this.#sinceStart() };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#resolve || this.#body.add(chunk)) return;
    this.#end(null, true);
    controller.abort(new Error('enough was read'));
  }

  onResponseEnd(): void {
    this.#end(null, false);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(faultOf(error, this.#connectMs !== null), true);
  }
}

function sendRequest(agent: Agent, request: CallbackRequest, exchange: DeliveryInProgress): void {
  const url = new URL(request.url);
  agent.dispatch(
    {
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method,
      headers: { ...request.headers },
      body: request.body,
    },
    exchange,
  );
}

/** Creates a deliverer with connection pools of its own. */
export function createDeliverer(deps: DelivererDeps): Deliverer {
  /**
   * By connect timeout in seconds, because undici sets it per pool, not per request. At most 60: the longest is 60 s.
   */
  const agents = new Map<number, Agent>();
  const sockets: SocketWatch = watchSockets();

  function agentFor(connectMs: number): Agent {
    const seconds = Math.ceil(connectMs / 1_000);
    const agent = agents.get(seconds) ?? createAgent(seconds, deps);
    agents.set(seconds, agent);
    return agent;
  }

  return {
    deliver(request, limits) {
      const exchange = new DeliveryInProgress(limits, deps.clock);
      const agent = agentFor(limits.connectMs);
      sockets.during(() => sendRequest(agent, request, exchange), exchange.onAddress);
      return exchange.done;
    },
    async close() {
      sockets.close();
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}
