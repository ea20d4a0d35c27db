// Opens the file for the writer thread: takes it from other processes, checks that its log belongs to it, brings its data to
// this program's version and takes back the tasks that were active.
import { realpathSync } from 'node:fs';
import { POISON_LIMITS } from '@task-center/model';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { CallGate } from '../call-gate.ts';
import type { FileFinding, WriterData } from '../messages.ts';
import { migrations } from '../migrations/migrations.generated.ts';
import { removeLeftovers } from './backup.ts';
import { openDatabase, prepareFile, type Database } from './database.ts';
import { createLostTaskRecoverer } from './facets/maintain.ts';
import { readLogState, setLogAside, type LogState } from './log-check.ts';
import { checkVersion, migrate } from './migrate.ts';
import { FileWatch } from './owner/file-watch.ts';
import { takeMark, type TakenMark } from './owner/take-mark.ts';
import { createStore, type Store } from './store.ts';

export interface OpenStore {
  readonly store: Store;
  readonly watch: FileWatch;
  readonly taken: TakenMark;
}

/** Takes back all active tasks when the file is opened: the process that ran them has ended, since it held the lock. */
function recoverAll(store: Store, wallMs: number): void {
  const { database, queues } = store;
  const recover = createLostTaskRecoverer(store);
  const everything = {
    untilMs: Number.MAX_SAFE_INTEGER,
    limit: Number.MAX_SAFE_INTEGER,
    limits: POISON_LIMITS,
  };
  database.exec('BEGIN IMMEDIATE');
  for (const { name } of queues.takeChanges(true)) {
    const entry = queues.find(name);
    if (entry) recover({ entry, ...everything }, wallMs);
  }
  queues.writeTotals();
  database.exec('COMMIT');
}

function logFinding(path: string, state: Exclude<LogState, 'belongs'>): FileFinding {
  const lost = 'If what was in the log is lost, name file_log in broker_allow (library: allow).';
  if (state === 'missing') {
    const detail = `${path} needs its log ${path}-wal, which is not there or cannot be read: the newest tasks are in it`;
    const fix = `Copy the two together while the service is stopped, or use \`task-center backup\`. ${lost}`;
    return { code: 'file_log', severity: 'error', detail, fix };
  }
  const detail = `${path}-wal is the log of another file, or of ${path} at another time`;
  const fix = `Put the log beside the file that belongs to it, or move it away. ${lost} It is then set aside.`;
  return { code: 'file_log', severity: 'error', detail, fix };
}

/** @throws TaskCenterError `broker-unsafe` where the log does not belong to the file and that is not allowed */
function checkLog(path: string, isAllowed: boolean, wallMs: number): FileFinding[] {
  const state = readLogState(path);
  if (state === 'belongs') return [];
  const finding = logFinding(path, state);
  const { code, detail, fix } = finding;
  if (!isAllowed)
    throw new TaskCenterError('broker-unsafe', {
      broker: `sqlite:${path}`,
      findings: [{ code, detail, fix }],
    });
  if (state === 'foreign') setLogAside(path, wallMs);
  return [{ ...finding, severity: 'warning' }];
}

function readStore(database: Database, path: string, wallMs: number): Store {
  // A database of another program is left as it is.
  checkVersion(database, migrations);
  database.log.start();
  migrate(database, migrations);
  removeLeftovers(path);
  const store = createStore(database);
  recoverAll(store, wallMs);
  return store;
}

/**
 * Opens the file, migrates it and takes back its active tasks.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`, `schema-too-new`, `broker-unsafe`
 */
export function openStore({ path: givenPath, allow, gate: memory }: WriterData, wallMs: number): OpenStore {
  prepareFile(givenPath);
  const path = realpathSync(givenPath);
  const gate = new CallGate(memory);
  const isOwnerAllowed = allow.includes('file_owner');
  const taken = takeMark({ path, force: isOwnerAllowed });
  try {
    // Without a mark another broker of this process may have the file open: the check would drop its locks.
    const found = taken.mark ? checkLog(path, allow.includes('file_log'), wallMs) : [];
    return gate.run(() => {
      const database = openDatabase(path, gate);
      try {
        const store = readStore(database, givenPath, wallMs);
        const watch = new FileWatch({ givenPath, path, taken, isOwnerAllowed, found });
        return { store, watch, taken };
      } catch (error) {
        database.close();
        throw error;
      }
    });
  } catch (error) {
    taken.mark?.remove();
    throw error;
  }
}
