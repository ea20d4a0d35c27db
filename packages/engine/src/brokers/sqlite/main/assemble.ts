// Puts a broker together from its facets. Those of stored data call the store; presence, semaphores and signals need none, as no
// other process can use this broker.
import type { Backup } from '../../../broker/backup.ts';
import type { Broker } from '../../../broker/broker.ts';
import type { BrokerFacts } from '../../../broker/findings.ts';
import type { LeaseRenewal } from '../../../broker/lease-renewal.ts';
import type { FindingWatch } from '../../../findings/finding-watch.ts';
import { observedBroker } from '../../../observe/broker-calls.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { BrokerEnd, Lifetime } from '../../../runtime/lifetime.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { plain } from '../packing.ts';
import { createCheck } from './facets/check.ts';
import { createClaims } from './facets/claims.ts';
import { createConsume } from './facets/consume.ts';
import { createControl } from './facets/control.ts';
import { createDocuments } from './facets/documents.ts';
import { createGroups } from './facets/groups.ts';
import { createHistory } from './facets/history.ts';
import { createInspect } from './facets/inspect.ts';
import { createMaintain } from './facets/maintain.ts';
import { createPresence } from './facets/presence.ts';
import { createScheduleStore } from './facets/schedules.ts';
import { createSchedulerEntries } from './facets/scheduler-entries.ts';
import { createSemaphores } from './facets/semaphores.ts';
import { createSignals, type LocalSignals, type LocalSignalsDeps } from './facets/signals.ts';
import { createSubmit } from './facets/submit.ts';
import { askToWrite } from './writable.ts';
import type { StoreCalls } from '../thread/requests.ts';

/** What the brokers on a file and in memory differ in. */
export interface BrokerParts {
  /** For messages and logs. */
  readonly name: string;
  readonly runtime: Pick<Runtime, 'clock' | 'events' | 'log' | 'newId'>;
  readonly calls: StoreCalls;
  /** Of presence and semaphores. */
  readonly time: Pick<Clock, 'wallMs' | 'monotonicMs'>;
  readonly signals: LocalSignals;
  readonly findings: FindingWatch;
  readonly lifetime: Lifetime;
  /** Null = workers renew their leases themselves. */
  readonly leaseRenewal: LeaseRenewal | null;
  /** Null = there is nothing to copy. */
  readonly backup: Backup | null;
}

/** A library of this process is all that there is of a server. */
export const FACTS: BrokerFacts = {
  kind: 'sqlite',
  version: null,
  role: null,
  memory: null,
  persistence: null,
  disk: null,
};

/** The store sees the ends of tasks. It is there before anybody waits. */
export const createSignalsOf = (
  broker: string,
  clock: LocalSignalsDeps['clock'],
  calls: () => StoreCalls,
): LocalSignals =>
  createSignals({
    broker,
    clock,
    thread: {
      awaitEnd: (task) => calls().ask('awaitEnd', task),
      stopAwaiting: (task) => calls().ask('stopAwaiting', task),
    },
  });

/** What only calls the store. */
function createStoredFacets(calls: StoreCalls, newId: () => string) {
  return {
    consume: createConsume(calls),
    maintain: createMaintain(calls),
    check: createCheck(calls),
    control: createControl(calls),
    groups: createGroups(calls, newId),
    inspect: createInspect(calls),
    schedulerEntries: createSchedulerEntries(calls),
    documents: createDocuments(calls),
    claims: createClaims(calls),
    history: createHistory(calls),
    async cursorKey() {
      const { bytes } = await calls.run('cursorKey', plain(null));
      return bytes[0]!;
    },
  };
}

/** The parts close first: they say themselves that the broker is closed. */
function createEnd(calls: StoreCalls, parts: readonly { close(): void }[]): BrokerEnd {
  return {
    isIdle: () => calls.isIdle,
    isOutOfReach: () => false,
    close() {
      for (const part of parts) part.close();
      return calls.close();
    },
  };
}

/** The broker of these parts. Its end stops what runs on it, then closes the parts and the store. */
export function assemble(parts: BrokerParts): Broker {
  const { name, runtime, calls, time, signals, findings, lifetime, leaseRenewal, backup } = parts;
  const presence = createPresence(name, time);
  const semaphores = createSemaphores(name, time);
  const closing = [findings, signals, presence, semaphores];
  const broker: Broker = {
    name,
    log: runtime.log,
    runtime: { events: runtime.events },
    ...createStoredFacets(calls, runtime.newId),
    submit: findings.guard(createSubmit(calls, name)),
    schedules: findings.guardSchedules(createScheduleStore({ writer: calls, signals, clock: time })),
    scheduleView: null,
    leaseRenewal,
    presence,
    semaphores,
    signals,
    findings,
    lifetime,
    cluster: null,
    backup,
    async ping() {
      await calls.ask('ping', null);
    },
    checkWritable: () => askToWrite(name, calls),
    close: () => lifetime.end(createEnd(calls, closing)),
  };
  return observedBroker(broker, runtime);
}
