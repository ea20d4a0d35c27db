// The broker on one SQLite file. Runs in the main thread. Facets of stored data send requests to the writer thread.
import { statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Broker } from '../../broker/broker.ts';
import type { AllowableFinding, BrokerFacts } from '../../broker/findings.ts';
import { FindingWatch } from '../../findings/finding-watch.ts';
import { Lifetime } from '../../runtime/lifetime.ts';
import { createRuntime, type Runtime } from '../../runtime/runtime.ts';
import { assemble, createSignalsOf, FACTS } from './main/assemble.ts';
import { createBackup } from './main/backups.ts';
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

/** The facts of a broker on this file. */
function fileFacts(file: string): BrokerFacts {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return { ...FACTS, disk: { freeBytes: bavail * bsize } };
  } catch {
    return FACTS;
  }
}

/** The writer thread looks at the file; what it finds is kept and told here. */
function createFindings({ path, allow = [] }: SqliteOptions, runtime: Runtime) {
  const file = resolve(path);
  const broker = `sqlite:${path}`;
  let found: readonly FileFinding[] = [];
  const checks = [{ name: 'file', everyMs: FOUND_LOOK_MS, look: async () => found }];
  const findings = new FindingWatch({ broker, runtime, allow, checks, facts: () => fileFacts(file) });
  const onFound = (now: readonly FileFinding[]): void => {
    found = now;
    findings.report('file', now);
  };
  return { findings, onFound };
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
  const time = nowMs ? { wallMs: nowMs, monotonicMs: nowMs } : clock;
  const signals = createSignalsOf(name, time, () => writer);
  const file = resolve(path);
  const { findings, onFound } = createFindings({ path, allow }, runtime);
  const writer: Writer = await startWriter({
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
  return assemble({
    name,
    runtime,
    calls: writer,
    time,
    signals,
    findings,
    lifetime: new Lifetime(name, log),
    // Tests that set the time also renew leases themselves.
    leaseRenewal: nowMs ? null : writer.leaseRenewal,
    backup: createBackup({
      path: file,
      newId: runtime.newId,
      write: (target, signal) => writer.backUp(target, signal),
    }),
  });
}
