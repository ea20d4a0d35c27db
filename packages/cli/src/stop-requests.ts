// What asks a service to stop: signals, a terminal that goes away, a parent that ends. `serve` waits for it.

import type { Io, ServiceProcess } from './io.ts';
import { isStopSignal, SAME_SIGNAL_MS, SERVICE_SIGNALS, type ServiceSignal } from './signals.ts';

/** A terminal may disappear only a moment after its SIGHUP, ms. */
const TERMINAL_GOES_MS = 100;

const STOPPING = 'Stopping: running tasks may finish first.';

/** What the service does when it is asked. `onStop` and `onEnd` are called once at most, in this order. */
export interface StopListeners {
  /** Stop in order. */
  onStop(): void;
  /** End within a second: it was asked a second time. */
  onEnd(): void;
  /** Read the configuration again. Called at each SIGHUP that does not ask for a stop. */
  onReload(): void;
}

class StopRequests {
  readonly #io: Pick<Io, 'err' | 'onSignal'>;
  readonly #service: ServiceProcess;
  readonly #listeners: StopListeners;
  #firstMs: number | undefined;
  #hasEnded = false;
  #hangUp: NodeJS.Timeout | undefined;

  constructor(io: Pick<Io, 'err' | 'onSignal'>, service: ServiceProcess, listeners: StopListeners) {
    this.#io = io;
    this.#service = service;
    this.#listeners = listeners;
  }

  listen(): void {
    this.#io.onSignal(SERVICE_SIGNALS, (signal) => this.#onSignal(signal));
    this.#service.parent.onGone(() =>
      this.#stop('Stopping: the process that supervises this one has ended.'),
    );
  }

  #onSignal(signal: ServiceSignal): void {
    if (signal === 'SIGHUP') this.#onHangUp();
    else if (isStopSignal(signal)) this.#onStopSignal();
    else if (signal === 'SIGTSTP')
      this.#io.err('A service is not suspended: others would take its tasks. Ctrl-C stops it in order.');
  }

  #onStopSignal(): void {
    if (this.#firstMs === undefined)
      return this.#stop(`${STOPPING} Press Ctrl-C again to give them back and end.`);
    if (this.#hasEnded || performance.now() - this.#firstMs <= SAME_SIGNAL_MS) return;
    this.#hasEnded = true;
    this.#listeners.onEnd();
  }

  /** Copies of one signal count once: a terminal sends it to the parent as well, which passes it on. */
  #onHangUp(): void {
    if (this.#firstMs !== undefined || this.#hangUp) return;
    if (this.#service.isTerminalGone()) return this.#stop(`${STOPPING} The terminal has gone away.`);
    this.#hangUp = setTimeout(() => {
      this.#hangUp = undefined;
      if (this.#firstMs !== undefined) return;
      if (this.#service.isTerminalGone()) this.#stop(`${STOPPING} The terminal has gone away.`);
      else this.#listeners.onReload();
    }, TERMINAL_GOES_MS);
  }

  #stop(message: string): void {
    if (this.#firstMs !== undefined) return;
    this.#firstMs = performance.now();
    this.#io.err(message);
    this.#listeners.onStop();
  }
}

/** Listens to signals and to the parent from now on, and calls the listeners. */
export function createStopRequests(
  io: Pick<Io, 'err' | 'onSignal'>,
  service: ServiceProcess,
  listeners: StopListeners,
): void {
  new StopRequests(io, service, listeners).listen();
}
