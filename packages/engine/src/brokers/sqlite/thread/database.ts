// Opens the file with a SQLite driver, takes its lock and wraps the connection in `Database`.
// Runs in the writer thread, which alone may touch the file.
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, TaskCenterError } from '../../../errors/task-center-error.ts';
import { makeFolder } from '../../../runtime/make-folder.ts';
import { CallGate } from '../call-gate.ts';
import { errorKindOf } from '../errors.ts';
import { sqliteDriver } from './driver/choose.ts';
import type { SqliteConnection, SqlValue, Statement } from './driver/driver.ts';
import { WriteAheadLog } from './log.ts';

/** A prepared statement with parameters by name, such as `:seq`, and rows that are objects. */
export interface NamedStatement<Params, Columns> {
  /** Returns the number of rows changed. `params` may have more properties than the statement has parameters. */
  run(params: Params): number;
  all(params: Params): Columns[];
  get(params: Params): Columns | undefined;
}

/** One SQLite file, locked by this process until it is closed. */
export interface Database {
  readonly path: string;
  readonly pageBytes: number;
  readonly inTransaction: boolean;
  readonly log: WriteAheadLog;
  /** To be passed by all calls: those that belong together, such as a transaction, pass it as one. */
  readonly gate: CallGate;
  /**
   * Prepares a statement of the hot paths, where each microsecond counts: an object per row costs a fourth more than an
   * array, and values bound by their names 0.15 to 0.3 µs per call more than values in their places.
   */
  prepare(sql: string): Statement;
  /** Prepares any other statement. No text in the SQL may look like a parameter. */
  named<Params = void, Columns = never>(sql: string): NamedStatement<Params, Columns>;
  exec(sql: string): void;
  /** A descriptor of the file, for reading. Only the end of the thread closes it: closing it drops the file's locks. */
  descriptor(): number;
  /**
   * Rolls back an open transaction and writes the log into the file. With the package as driver the file's lock is released
   * only when the thread ends: it cannot finalize prepared statements, and SQLite keeps a file open while there are any.
   */
  close(): void;
}

/** How long opening waits for another owner to release the file, ms. */
const LOCK_WAIT_MS = 100;
/** Files up to this size are checked page by page when they are opened, which takes about 0.1 s. */
const MAX_CHECKED_BYTES = 32 * 1_024 * 1_024;

// locking_mode comes before the first read in WAL mode: then there is no shared memory file, and no other process can open
// the database. `WriteAheadLog` makes the checkpoints once it is started.
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
  EACCES: 'this user may not read and write it',
  EPERM: 'this user may not read and write it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

function reasonOf(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? messageOf(error);
}

/**
 * Creates the folder and the file where they are missing, for this user only. An existing file is not opened here:
 * closing any descriptor of it would drop the POSIX locks that another broker of this process holds on it.
 */
export function prepareFile(path: string): void {
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

/** The error that a caller of `openDatabase` gets. */
function openError(path: string, error: unknown): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  if (errorKindOf(error) === 'locked') return new TaskCenterError('database-in-use', { path });
  return unusable(path, messageOf(error));
}

/**
 * Numbers the parameters of a statement: the driver binds numbered ones much faster than named ones, for which it makes
 * strings of all names in each call.
 */
function numberParameters(sql: string): { readonly numbered: string; readonly names: readonly string[] } {
  const names: string[] = [];
  const numbered = sql.replace(/:([a-z]\w*)/gi, (_, name: string) => {
    if (!names.includes(name)) names.push(name);
    return `?${names.indexOf(name) + 1}`;
  });
  return { numbered, names };
}

/**
 * The driver cuts a text at its first NUL: `a\\0b` would find what is called `a`. With the replacement character it finds
 * nothing.
 */
const bindable = (value: SqlValue): SqlValue =>
  typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\ufffd') : value;

function prepareNamed<Params, Columns>(
  connection: SqliteConnection,
  sql: string,
): NamedStatement<Params, Columns> {
  const { numbered, names } = numberParameters(sql);
  const statement = connection.prepareObjects<Columns>(numbered);
  const valuesOf = (params: Params): SqlValue[] => {
    const values: SqlValue[] = [];
    for (let index = 0; index < names.length; index += 1)
      values.push(bindable((params as Readonly<Record<string, SqlValue>>)[names[index]!]!));
    return values;
  };
  return {
    run: (params) => statement.run(...valuesOf(params)),
    all: (params) => statement.all(...valuesOf(params)),
    get: (params) => statement.get(...valuesOf(params)),
  };
}

function wrap(path: string, connection: SqliteConnection, gate: CallGate): Database {
  let reader: number | undefined;
  const [pageBytes] = connection.prepare('PRAGMA page_size').get()!;
  const database: Omit<Database, 'log'> = {
    path,
    pageBytes: Number(pageBytes),
    gate,
    get inTransaction() {
      return connection.isTransaction;
    },
    exec: (sql) => connection.exec(sql),
    descriptor: () => (reader ??= openSync(path, 'r')),
    close: () =>
      gate.run(() => {
        try {
          if (connection.isTransaction) connection.exec('ROLLBACK');
          log.finish();
          connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        } finally {
          connection.close();
        }
      }),
    named: (sql) => prepareNamed(connection, sql),
    prepare: (sql) => connection.prepare(sql),
  };
  const log = new WriteAheadLog(database);
  return Object.assign(database, { log });
}

/** Refuses a damaged file, if it is small enough to be checked at once. */
function checkPages(database: Database): void {
  const [pageCount] = database.prepare('PRAGMA page_count').get() ?? [];
  const [pageBytes] = database.prepare('PRAGMA page_size').get() ?? [];
  if (Number(pageCount) * Number(pageBytes) > MAX_CHECKED_BYTES) return;
  const [result] = database.prepare('PRAGMA quick_check(1)').get() ?? [];
  if (result !== 'ok') throw unusable(database.path, `its data is damaged (${String(result)})`);
}

/**
 * Opens the file at an absolute path, or creates it (mode 0600, its folder 0700), and locks it for this process.
 *
 * @throws TaskCenterError `database-in-use`, `database-unusable`
 */
export function openDatabase(path: string, gate = new CallGate()): Database {
  prepareFile(path);
  let connection: SqliteConnection | undefined;
  try {
    connection = sqliteDriver().open(path, LOCK_WAIT_MS);
    connection.exec(SETTINGS);
    // Takes the lock now. Otherwise the first write would, and a file in use would be noticed late.
    connection.exec('BEGIN IMMEDIATE; COMMIT');
    const database = wrap(path, connection, gate);
    checkPages(database);
    return database;
  } catch (error) {
    connection?.close();
    throw openError(path, error);
  }
}

/** Opens an empty database in memory, which ends with the process. */
export function openMemoryDatabase(): Database {
  return wrap(':memory:', sqliteDriver().open(':memory:', 0), new CallGate());
}
