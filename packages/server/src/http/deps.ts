import type { Broker, Client, Runtime } from '@task-center/engine';
import type { Authenticate } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import type { LiveRules } from './live-rules.ts';
import type { QueueLimit } from './submission/queue-limit.ts';

/** The phase of the service: `starting`, then `ready`, then `stopping`. `serve` sets it, health checks read it. */
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

/** What the handlers of the HTTP API are given. */
export interface AppDeps {
  readonly broker: Broker;
  readonly client: Pick<Client, 'submit' | 'submitMany'>;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly authenticate: Authenticate;
  /** Rules for callback URLs; their mode may change while the service runs. */
  readonly rules: LiveRules;
  readonly state: ServiceState;
  /** Which submissions would make a queue too many. */
  readonly queueLimit: QueueLimit;
  /** Version of the program, sent with every answer. */
  readonly version: string;
  /**
   * Called with the logical queue of each callback task that was stored: the worker of this process then serves it at
   * once.
   */
  addCallbackQueue(name: string): void;
}
