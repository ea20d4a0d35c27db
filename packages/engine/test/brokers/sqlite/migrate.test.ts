import { readdir } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openDatabase, type Database } from '../../../src/brokers/sqlite/thread/database.ts';
import { migrate, type Migration } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { folder } from './open.ts';

const FIRST: Migration = {
  version: 1,
  name: 'initial',
  sql: 'CREATE TABLE meta (name TEXT PRIMARY KEY, value); CREATE TABLE a (x); INSERT INTO a VALUES (7)',
};
const SECOND: Migration = { version: 2, name: 'more', sql: 'ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x' };
const WRONG: Migration = { version: 2, name: 'wrong', sql: 'UPDATE a SET x = 8; SELECT nonsense' };

function opened(path: string): Database {
  const database = openDatabase(path);
  onTestFinished(() => database.close());
  return database;
}

const valueOf = (database: Database, sql: string) => database.prepare(sql).get();
const VERSION = "SELECT value FROM meta WHERE name = 'schema_version'";

describe('migrating', () => {
  test('a new file gets all there is, and no copy', async () => {
    const { path, file } = await folder();
    const database = opened(file('tasks.db'));
    migrate(database, [FIRST, SECOND]);
    expect(valueOf(database, 'SELECT x, y FROM a')).toEqual([7, 7]);
    expect(valueOf(database, VERSION)).toEqual([2]);
    expect((await readdir(path)).filter((name) => name.endsWith('.bak'))).toEqual([]);
  });

  test('older data is copied, then brought forward', async () => {
    const { file } = await folder();
    const database = opened(file('tasks.db'));
    migrate(database, [FIRST]);
    database.exec('UPDATE a SET x = 42');
    migrate(database, [FIRST, SECOND]);
    expect(valueOf(database, 'SELECT x, y FROM a')).toEqual([42, 42]);
    const copy = opened(file('tasks.db.v1.bak'));
    expect(valueOf(copy, 'SELECT * FROM a')).toEqual([42]);
    expect(valueOf(copy, VERSION)).toEqual([1]);
  });

  test('a migration that fails leaves everything as it was', async () => {
    const database = opened((await folder()).file('tasks.db'));
    migrate(database, [FIRST]);
    expect(() => migrate(database, [FIRST, WRONG])).toThrow();
    expect(valueOf(database, 'SELECT x FROM a')).toEqual([7]);
    expect(valueOf(database, VERSION)).toEqual([1]);
    migrate(database, [FIRST, SECOND]);
    expect(valueOf(database, VERSION)).toEqual([2]);
  });

  test('data that is up to date is left alone', async () => {
    const database = opened((await folder()).file('tasks.db'));
    migrate(database, [FIRST]);
    migrate(database, [FIRST]);
    expect(valueOf(database, 'SELECT count(*) FROM a')).toEqual([1]);
  });
});
