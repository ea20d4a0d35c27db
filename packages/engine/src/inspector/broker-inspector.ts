import type { Broker } from '../broker/broker.ts';
import type { BrokerFinding } from '../broker/findings.ts';
import { getBrokerState, isBrokerUnsafe, type BrokerState } from '../control/index.ts';

/** Shows whether the broker can keep its promises. Each answer is what the broker saw last; none makes a call. */
export class BrokerInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** What the broker is, and what is wrong with it. */
  state(): BrokerState {
    return getBrokerState(this.#broker);
  }

  /** What is wrong with it now, errors first. Empty = nothing is known to be. */
  findings(): readonly BrokerFinding[] {
    return this.state().findings;
  }

  /** Whether submissions are refused with `broker-unsafe`. */
  isUnsafe(): boolean {
    return isBrokerUnsafe(this.#broker);
  }
}
