/** Where the service is in its life; read by health checks, set by `serve`. */
export class ServiceState {
  #phase: 'starting' | 'ready' | 'stopping' = 'starting';

  get phase(): 'starting' | 'ready' | 'stopping' {
    return this.#phase;
  }

  ready(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  stopping(): void {
    this.#phase = 'stopping';
  }
}
