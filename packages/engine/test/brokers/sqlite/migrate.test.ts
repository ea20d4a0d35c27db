import { readdir } from 'node:fs/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { OWN_TOTALS } from '../../../src/broker/totals.ts';
import { openDatabase, type Database } from '../../../src/brokers/sqlite/thread/database.ts';
import { migrate, type Migration } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { aTask } from '../../support/factories.ts';
import { folder, open } from './open.ts';

const FIRST: Migration = {
  version: 1,
  name: 'initial',
  sql: 'CREATE TABLE meta (name TEXT PRIMARY KEY, value); CREATE TABLE a (x); INSERT INTO a VALUES (7)',
};
const SECOND: Migration = { version: 2, name: 'more', sql: 'ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x' };
const WRONG: Migration = { version: 2, name: 'wrong', sql: 'UPDATE a SET x = 8; SELECT nonsense' };

function openFile(path: string): Database {
  const database = openDatabase(path);
  onTestFinished(() => database.close());
  return database;
}

const rowOf = (database: Database, sql: string) => database.prepare(sql).get();
const VERSION = "SELECT value FROM meta WHERE name = 'schema_version'";

describe('a migration', () => {
  test('brings a new file to the newest version without a copy', async () => {
    const { path, file } = await folder();
    const database = openFile(file('tasks.db'));
    migrate(database, [FIRST, SECOND]);
    expect(rowOf(database, 'SELECT x, y FROM a')).toEqual([7, 7]);
    expect(rowOf(database, VERSION)).toEqual([2]);
    expect((await readdir(path)).filter((name) => name.endsWith('.bak'))).toEqual([]);
  });

  test('copies older data before it changes the file', async () => {
    const { file } = await folder();
    const database = openFile(file('tasks.db'));
    migrate(database, [FIRST]);
    database.exec('UPDATE a SET x = 42');
    migrate(database, [FIRST, SECOND]);
    expect(rowOf(database, 'SELECT x, y FROM a')).toEqual([42, 42]);
    const copy = openFile(file('tasks.db.v1.bak'));
    expect(rowOf(copy, 'SELECT * FROM a')).toEqual([42]);
    expect(rowOf(copy, VERSION)).toEqual([1]);
  });

  test('that fails leaves the file as it was', async () => {
    const database = openFile((await folder()).file('tasks.db'));
    migrate(database, [FIRST]);
    expect(() => migrate(database, [FIRST, WRONG])).toThrow();
    expect(rowOf(database, 'SELECT x FROM a')).toEqual([7]);
    expect(rowOf(database, VERSION)).toEqual([1]);
    migrate(database, [FIRST, SECOND]);
    expect(rowOf(database, VERSION)).toEqual([2]);
  });

  test('changes nothing in a file of the newest version', async () => {
    const database = openFile((await folder()).file('tasks.db'));
    migrate(database, [FIRST]);
    migrate(database, [FIRST]);
    expect(rowOf(database, 'SELECT count(*) FROM a')).toEqual([1]);
  });
});

test('a file from before queues remembered businesses knows those of the tasks that it has', async () => {
  const path = (await folder()).file('tasks.db');
  const before = await open(path);
  await before.submit.enqueue([aTask({ id: 'shop.1', meta: { business: 'shop' } })]);
  await before.close();
  const raw = new DatabaseSync(path);
  raw.exec(`DROP TABLE queue_business; ALTER TABLE attempt DROP COLUMN stack; DROP TABLE log_line;
    ${Object.values(OWN_TOTALS)
      .map((column) => `ALTER TABLE queue DROP COLUMN ${column};`)
      .join(' ')}
    DROP TABLE schedule; DROP TABLE schedule_spec; DROP TABLE fire; DROP TABLE schedule_run;
    DROP TABLE history_page; DROP TABLE history_report; DROP TABLE history_baseline; DROP TABLE history_state;
    ALTER TABLE task DROP COLUMN progress; UPDATE meta SET value = 7 WHERE name = 'schema_version'`);
  raw.close();
  const { inspect } = await open(path);
  expect(await inspect.haveHeld(['default'], ['shop'])).toEqual([true]);
  expect(await inspect.haveHeld(['default'], ['bank'])).toEqual([false]);
  // Totals count from the version on that has them.
  expect(await inspect.queueFacts(['default'])).toMatchObject([{ totals: { enqueued: 0 } }]);
});
