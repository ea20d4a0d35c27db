// Brings the stored data to this program's schema version. Runs in the writer thread, when a file is opened.
import { closeSync, openSync, rmSync } from 'node:fs';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Database } from './database.ts';

export interface Migration {
  /** From 1, without gaps. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Schema version of the stored data; 0 = an empty file. */
function readVersion(database: Database): number {
  const [tables] = database.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table'").get() ?? [];
  if (tables === 0) return 0;
  const [metaTables] = database.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'meta'").get() ?? [];
  const row =
    metaTables === 1
      ? database.prepare("SELECT value FROM meta WHERE name = 'schema_version'").get()
      : undefined;
  if (typeof row?.[0] === 'number') return row[0];
  const cause = 'it is a database of another program';
  throw new TaskCenterError('database-unusable', { path: database.path, cause });
}

/** Writes a whole copy beside the file, readable by this user only: `tasks.db.v1.bak`. */
function backUp(database: Database, version: number): void {
  const copy = `${database.path}.v${version}.bak`;
  rmSync(copy, { force: true });
  closeSync(openSync(copy, 'wx', 0o600));
  database.prepare('VACUUM INTO ?').run(copy);
}

/**
 * Finds out which version the stored data has, and changes nothing.
 *
 * @throws TaskCenterError `schema-too-new`, `database-unusable` (a database of another program)
 */
export function checkVersion(database: Database, migrations: readonly Migration[]) {
  const found = readVersion(database);
  const known = migrations.at(-1)?.version ?? 0;
  if (found <= known) return { found, known };
  throw new TaskCenterError('schema-too-new', { broker: `sqlite:${database.path}`, found, known });
}

/**
 * Brings stored data to the newest version, in one transaction. Data of an older version is copied first, since an older
 * program cannot read it afterwards.
 *
 * @throws TaskCenterError `schema-too-new`, `database-unusable` (a database of another program)
 */
export function migrate(database: Database, migrations: readonly Migration[]): void {
  const { found, known } = checkVersion(database, migrations);
  if (found === known) return;
  if (found > 0) backUp(database, found);
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const { version, sql } of migrations) if (version > found) database.exec(sql);
    database.prepare("INSERT OR REPLACE INTO meta VALUES ('schema_version', ?)").run(known);
    database.exec('COMMIT');
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
