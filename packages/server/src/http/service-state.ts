/**
 * The phase of the service: `starting`, `ready`, `stopping`, in this order. `serve` sets it, health checks read it.
 */
export class ServiceState {
  #phase: 'starting' | 'ready' | 'stopping' = 'starting';

  get phase(): 'starting' | 'ready' | 'stopping' {
    return this.#phase;
  }

  /** Has no effect once the service is stopping. */
  markReady(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  markStopping(): void {
    this.#phase = 'stopping';
  }
}
