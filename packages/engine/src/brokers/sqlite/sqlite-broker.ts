// The broker on one SQLite file, put together from its facets. Runs in the main thread. Facets of stored data send requests
// to the writer thread; presence, semaphores and signals need no file, as no other process can use this broker.
import { resolve } from 'node:path';
import type { Broker } from '../../broker/broker.ts';
import type { AllowableFinding, BrokerFacts } from '../../broker/findings.ts';
import { FindingWatch } from '../../findings/finding-watch.ts';
import { Lifetime, type BrokerEnd } from '../../runtime/lifetime.ts';
import { createRuntime, type Runtime } from '../../runtime/runtime.ts';
import { createBackup } from './main/backups.ts';
import { createCheck } from './main/facets/check.ts';
import { createClaims } from './main/facets/claims.ts';
import { createConsume } from './main/facets/consume.ts';
import { createControl } from './main/facets/control.ts';
import { createDocuments } from './main/facets/documents.ts';
import { createGroups } from './main/facets/groups.ts';
import { createInspect } from './main/facets/inspect.ts';
import { createMaintain } from './main/facets/maintain.ts';
import { createPresence } from './main/facets/presence.ts';
import { createSemaphores } from './main/facets/semaphores.ts';
import { createScheduleStore } from './main/facets/schedules.ts';
import { createSchedulerEntries } from './main/facets/scheduler-entries.ts';
import { createSignals, type LocalSignals } from './main/facets/signals.ts';
import { createSubmit } from './main/facets/submit.ts';
import { plain } from './packing.ts';
import { startWriter } from './main/start-writer.ts';
import type { Writer } from './main/writer.ts';
import type { FileFinding } from './messages.ts';

export interface SqliteOptions {
  /** The file; created with its folder where it is missing. */
  readonly path: string;
  /** The broker's clock, wall-clock ms, for tests that set the time. Default: real time. */
  readonly nowMs?: () => number;
  readonly runtime?: Partial<Runtime>;
  /** Findings with which the file is used all the same. Default: none. */
  readonly allow?: readonly AllowableFinding[];
}

const FOUND_LOOK_MS = 1_000;
const FACTS: BrokerFacts = { kind: 'sqlite', version: null, role: null, memory: null, persistence: null };

/** What only sends requests to the writer thread. */
function createStoredFacets(writer: Writer, path: string, newId: () => string) {
  const write = (target: string, signal?: AbortSignal) => writer.backUp(target, signal);
  return {
    backup: createBackup({ path, newId, write }),
    consume: createConsume(writer),
    maintain: createMaintain(writer),
    check: createCheck(writer),
    control: createControl(writer),
    groups: createGroups(writer, newId),
    inspect: createInspect(writer),
    schedulerEntries: createSchedulerEntries(writer),
    documents: createDocuments(writer),
    claims: createClaims(writer),
    async cursorKey() {
      const { bytes } = await writer.run('cursorKey', plain(null));
      return bytes[0]!;
    },
  };
}

/** The writer thread sees the ends of tasks. It is there before anybody waits. */
const createSignalsOf = (name: string, writer: () => Writer): LocalSignals =>
  createSignals(name, {
    awaitEnd: (task) => writer().ask('awaitEnd', task),
    stopAwaiting: (task) => writer().ask('stopAwaiting', task),
  });

/** The writer thread looks at the file; what it finds is kept and told here. */
function createFindings(broker: string, runtime: Runtime, allow: readonly AllowableFinding[]) {
  let found: readonly FileFinding[] = [];
  const checks = [{ name: 'file', everyMs: FOUND_LOOK_MS, look: async () => found }];
  const findings = new FindingWatch({ broker, runtime, allow, checks, facts: () => FACTS });
  const onFound = (now: readonly FileFinding[]): void => {
    found = now;
    findings.report('file', now);
  };
  return { findings, onFound };
}

/** The parts close first: they say themselves that the broker is closed. */
function createEnd(writer: Writer, parts: readonly { close(): void }[]): BrokerEnd {
  return {
    isIdle: () => writer.isIdle,
    isOutOfReach: () => false,
    close() {
      for (const part of parts) part.close();
      return writer.close();
    },
  };
}

/**
 * Opens a broker on one SQLite file, which this process then owns until `close()`. Tasks that are active in the file were
 * lost with the process that ran them. They become pending again with one more crash, or are archived as poison.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`, `schema-too-new`, `broker-unsafe`
 */
export async function connectSqlite({ path, nowMs, allow = [], ...options }: SqliteOptions): Promise<Broker> {
  const name = `sqlite:${path}`;
  const runtime = createRuntime(options.runtime);
  const { clock, events, log } = runtime;
  const signals = createSignalsOf(name, () => writer);
  const time = nowMs ? { wallMs: nowMs, monotonicMs: nowMs } : clock;
  const presence = createPresence(name, time);
  const semaphores = createSemaphores(name, time);
  const file = resolve(path);
  const { findings, onFound } = createFindings(name, runtime, allow);
  const writer = await startWriter({
    path: file,
    allow,
    ...(nowMs ? { nowMs } : {}),
    onFound,
    onChanges: signals.update,
    onBroken(cause) {
      log.error({ broker: name, cause }, 'the database can no longer be used; start this process again');
      signals.close();
      events.emit('broker.broken', { broker: name, cause });
    },
  });
  await findings.start().catch(async (error: unknown) => {
    await writer.close();
    throw error;
  });
  const lifetime = new Lifetime(name, log);
  const parts = [findings, signals, presence, semaphores];
  return {
    name,
    log,
    ...createStoredFacets(writer, file, runtime.newId),
    submit: findings.guard(createSubmit(writer, name)),
    schedules: findings.guardSchedules(createScheduleStore(writer, signals)),
    // Tests that set the time also renew leases themselves.
    leaseRenewal: nowMs ? null : writer.leaseRenewal,
    presence,
    semaphores,
    signals,
    findings,
    lifetime,
    cluster: null,
    async ping() {
      await writer.ask('ping', null);
    },
    close: () => lifetime.end(createEnd(writer, parts)),
  };
}
