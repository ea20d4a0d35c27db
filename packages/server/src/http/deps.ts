import type { Broker, Client, Runtime } from '@task-center/engine';
import type { Authenticate } from '../auth/authenticate.ts';
import type { Config } from '../config/config.ts';
import type { LiveRules } from './live-rules.ts';
import type { ServiceState } from './service-state.ts';

/** What the HTTP side is made of. */
export interface AppDeps {
  readonly broker: Broker;
  readonly client: Pick<Client, 'submit' | 'submitMany'>;
  readonly config: Config;
  readonly runtime: Runtime;
  readonly authenticate: Authenticate;
  readonly rules: LiveRules;
  readonly state: ServiceState;
  readonly version: string;
  /** Told the logical queue of each callback task that was stored. */
  noteQueue(name: string): void;
}
