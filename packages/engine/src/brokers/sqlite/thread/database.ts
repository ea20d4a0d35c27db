import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { makeFolder } from '../../../runtime/make-folder.ts';
import { causeOf, errorActionOf } from '../errors.ts';

export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = readonly SqlValue[];

/** A prepared statement; rows are arrays in the order of the columns. */
export interface Statement {
  /** Number of rows it changed. */
  run(...values: SqlValue[]): number;
  all(...values: SqlValue[]): SqlRow[];
  get(...values: SqlValue[]): SqlRow | undefined;
}

/** One SQLite file, held alone by this process. The rest of the room knows no other name of the driver. */
export interface Database {
  readonly path: string;
  readonly inTransaction: boolean;
  prepare(sql: string): Statement;
  exec(sql: string): void;
  /**
   * Writes the log into the file. The file itself is given back when the thread ends: the driver has no way to end
   * its prepared statements, and SQLite keeps a file open as long as there are any.
   */
  close(): void;
}

/** How long another owner may take to let go of the file, ms. */
const LOCK_WAIT_MS = 100;
/** Files up to this are checked page by page when they are opened (about 0.1 s). */
const CHECKED_BYTES = 32 * 1_024 * 1_024;

// EXCLUSIVE before the first read in WAL mode: no shared memory file, and nobody else can open the file.
// Checkpoints every 16 MB: more often costs a fifth of the inserts, more seldom makes the log large.
const SETTINGS = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA foreign_keys = OFF;
  PRAGMA cache_size = -8000;
`;

const unusable = (path: string, cause: string) => new TaskCenterError('database-unusable', { path, cause });

const REASONS: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of its path is a file, not a folder',
  EEXIST: 'a part of its path is a file, not a folder',
  EACCES: 'this user has no right to read and write it',
  EPERM: 'this user has no right to read and write it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

function reasonOf(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? causeOf(error);
}

/**
 * Makes folder and file where they are missing, for this user only. A file that exists is never opened here:
 * closing any descriptor of it would drop the locks that another broker of this process holds on it.
 */
function prepareFile(path: string): void {
  try {
    makeFolder(dirname(path));
    closeSync(openSync(path, 'wx', 0o600));
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, reasonOf(error));
  }
  try {
    if (statSync(path).isDirectory()) throw unusable(path, 'it is a folder');
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw error instanceof TaskCenterError ? error : unusable(path, reasonOf(error));
  }
}

function refusal(path: string, error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  if (errorActionOf(error) === 'locked') return new TaskCenterError('database-in-use', { path });
  return unusable(path, causeOf(error));
}

function wrap(path: string, driver: DatabaseSyncInstance): Database {
  return {
    path,
    get inTransaction() {
      return driver.isTransaction;
    },
    exec: (sql) => driver.exec(sql),
    close() {
      try {
        if (driver.isTransaction) driver.exec('ROLLBACK');
        driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } finally {
        driver.close();
      }
    },
    prepare(sql) {
      const statement = driver.prepare(sql);
      return {
        run: (...values) => statement.run(...values).changes,
        all: (...values) => statement.all(...values) as SqlRow[],
        get: (...values) => statement.get(...values) as SqlRow | undefined,
      };
    },
  };
}

function checkPages(database: Database): void {
  const [pages] = database.prepare('PRAGMA page_count').get() ?? [];
  const [size] = database.prepare('PRAGMA page_size').get() ?? [];
  if (Number(pages) * Number(size) > CHECKED_BYTES) return;
  const [found] = database.prepare('PRAGMA quick_check(1)').get() ?? [];
  if (found !== 'ok') throw unusable(database.path, `its data is damaged (${String(found)})`);
}

/**
 * Opens the file at an absolute path, or makes it (mode 0600, its folder 0700), and takes it for this process.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`
 */
export function openDatabase(path: string): Database {
  prepareFile(path);
  let driver: DatabaseSyncInstance | undefined;
  try {
    driver = new DatabaseSync(path, { returnArrays: true, timeout: LOCK_WAIT_MS });
    driver.exec(SETTINGS);
    // Takes the lock now; without it the first write would.
    driver.exec('BEGIN IMMEDIATE; COMMIT');
    const database = wrap(path, driver);
    checkPages(database);
    return database;
  } catch (error) {
    if (driver?.isOpen) driver.close();
    throw refusal(path, error);
  }
}
