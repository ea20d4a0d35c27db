// The broker for tests: the one on a SQLite file, with its store in the memory of this thread. Nothing is durable, and there is no
// thread to wait for.
import type { Broker } from '../../../broker/broker.ts';
import type { LeaseRenewal } from '../../../broker/lease-renewal.ts';
import { FindingWatch } from '../../../findings/finding-watch.ts';
import type { Lifetime } from '../../../runtime/lifetime.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { assemble, createSignalsOf, FACTS } from '../main/assemble.ts';
import { migrations } from '../migrations/migrations.generated.ts';
import { openMemoryDatabase } from '../thread/database.ts';
import { migrate } from '../thread/migrate.ts';
import { createStore } from '../thread/store.ts';
import { MemoryCalls } from './memory-calls.ts';
import { createOutlook, type Outlook } from './outlook.ts';

export interface MemoryBrokerOptions {
  /** For messages and logs. */
  readonly name: string;
  /** Its clock is the broker's clock as well. */
  readonly runtime: Runtime;
  readonly lifetime: Lifetime;
  /** Null = workers renew their leases themselves, by timers. */
  readonly leaseRenewal: LeaseRenewal | null;
}

/** The broker, and what its clock is moved by. */
export interface MemoryBroker {
  readonly broker: Broker;
  readonly calls: MemoryCalls;
  readonly outlook: Outlook;
}

/** Opens an empty broker with all migrations. Any number of them may be open; each has its own tasks. */
export function openMemoryBroker({
  name,
  runtime,
  lifetime,
  leaseRenewal,
}: MemoryBrokerOptions): MemoryBroker {
  const { clock } = runtime;
  const database = openMemoryDatabase();
  migrate(database, migrations);
  const store = createStore(database);
  const signals = createSignalsOf(name, clock, () => calls);
  const now = () => ({ wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() });
  const calls = new MemoryCalls({ name, store, now, onChanges: signals.update });
  const findings = new FindingWatch({ broker: name, runtime, allow: [], checks: [], facts: () => FACTS });
  const parts = {
    name,
    runtime,
    calls,
    time: clock,
    signals,
    findings,
    lifetime,
    leaseRenewal,
    backup: null,
  };
  return { broker: { ...assemble(parts), keepsHistory: false }, calls, outlook: createOutlook(store) };
}
