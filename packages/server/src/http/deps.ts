import type { Broker, Client, Metrics, Runtime } from '@task-center/engine';
import type { Authenticate } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import type { Turns } from './memory/turns.ts';
import type { ServiceMetrics } from '../observe/service-metrics.ts';
import type { Health } from '../observe/health.ts';
import type { Shortages } from '../observe/shortages.ts';
import type { LiveRules } from './live-rules.ts';
import type { QueueLimit } from './submission/queue-limit.ts';

/** `unready`: a stop has begun, health checks say so, and all requests are still served. */
type Phase = 'starting' | 'ready' | 'unready' | 'stopping';

/** The phase of the service. `serve` and the stop set it, health checks read it. */
export class ServiceState {
  #phase: Phase = 'starting';

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether a stop has begun. */
  get isLeaving(): boolean {
    return this.#phase === 'unready' || this.#phase === 'stopping';
  }

  /** Has no effect once a stop has begun. */
  markReady(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  markUnready(): void {
    if (this.#phase !== 'stopping') this.#phase = 'unready';
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
  readonly health: Health;
  /** Refuses submissions that would make one queue too many. */
  readonly queueLimit: QueueLimit;
  readonly metrics: Pick<Metrics, 'text'>;
  /** Counts requests. */
  readonly counts: Pick<ServiceMetrics, 'requestBegan' | 'requestEnded'>;
  /** Large batches wait for one another. */
  readonly batchTurns: Turns;
  /** Logs what this machine has run out of. Left out = it is not logged. */
  readonly shortages?: Pick<Shortages, 'note' | 'onStored'>;
  /** Version of the program, sent with every answer. */
  readonly version: string;
  /**
   * Called with the logical queue of each callback task that was stored: the worker of this process then serves it at
   * once.
   */
  addCallbackQueue(name: string): void;
}
