/** The broker itself: what it is, and what is wrong with it as a place for tasks. */
import type { Broker } from '../broker/broker.ts';
import type { BrokerFacts, BrokerFinding } from '../broker/findings.ts';
import { facetsOf } from './arguments.ts';

/** A broker as it was seen last. */
export interface BrokerState extends BrokerFacts {
  /** What is wrong with it now, errors first; empty = nothing is known to be. */
  readonly findings: readonly BrokerFinding[];
}

/** What the broker is, and what is wrong with it. Makes no call: a broker looks at itself, and this is what it saw last. */
export function getBrokerState(broker: Pick<Broker, 'findings'>): BrokerState {
  const { findings } = facetsOf(broker, 'findings');
  return { ...findings.facts(), findings: findings.current() };
}

/**
 * Whether a finding voids what the broker promises. Submissions are then refused with `broker-unsafe`, and requests should
 * be sent elsewhere.
 */
export function isBrokerUnsafe(broker: Pick<Broker, 'findings'>): boolean {
  const { findings } = facetsOf(broker, 'findings');
  return findings.current().some(({ severity }) => severity === 'error');
}
