import type { Check } from './check.ts';
import type { ClusterView } from './cluster.ts';
import type { Consume } from './consume.ts';
import type { Control } from './control.ts';
import type { Documents } from './documents.ts';
import type { Groups } from './groups.ts';
import type { LeaseRenewal } from './lease-renewal.ts';
import type { Inspect } from './inspect.ts';
import type { Maintain } from './maintain.ts';
import type { Presence } from './presence.ts';
import type { Semaphores } from './semaphores.ts';
import type { SchedulerEntries } from './scheduler-entries.ts';
import type { Signals } from './signals.ts';
import type { Submit } from './submit.ts';

/**
 * A store of tasks. Operations take and return arrays (design D2): one outcome per item, in order; one bad
 * item fails nobody else. Brokers decide by their own clock. Queues here are *stored* queues (`orders`,
 * `orders~cb`), IDs are stored IDs.
 *
 * Any call may reject with `broker-unavailable` (within 5 s, unless its options say otherwise),
 * `broker-full`, `broker-refused` or `broker-closed`.
 */
export interface Broker {
  /** The broker's URL without its password, for messages. */
  readonly name: string;
  readonly submit: Submit;
  readonly consume: Consume;
  /** Null = workers renew their leases by themselves. */
  readonly leaseRenewal: LeaseRenewal | null;
  readonly maintain: Maintain;
  readonly check: Check;
  readonly control: Control;
  readonly groups: Groups;
  readonly inspect: Inspect;
  readonly presence: Presence;
  readonly schedulerEntries: SchedulerEntries;
  readonly documents: Documents;
  readonly semaphores: Semaphores;
  readonly signals: Signals;
  /** Null where the broker is no cluster. */
  readonly cluster: ClusterView | null;
  /** Resolves when the broker can answer; rejects as any call does. */
  ping(): Promise<void>;
  /** Ends all connections; calls under way reject. May be called twice. */
  close(): Promise<void>;
}
