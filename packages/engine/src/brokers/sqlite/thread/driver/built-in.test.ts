import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findBuiltIn } from './built-in.ts';
import { loadPackage } from './choose.ts';
import type { SqliteModule } from './driver.ts';

// The package has the classes of Node's module: it stands for one here, also where Node has none.
const real = createRequire(import.meta.url)('@photostructure/sqlite') as SqliteModule;
type Options = ConstructorParameters<SqliteModule['DatabaseSync']>[1];

/** A module whose connections ignore an option, as older versions of Node do. */
function without(option: keyof Options): SqliteModule {
  class DatabaseSync extends real.DatabaseSync {
    constructor(path: string, options: Options) {
      super(path, { ...options, [option]: undefined });
    }
  }
  return { DatabaseSync };
}

/** A module with another property or another version of SQLite. */
function changed(change: { readonly isTransaction?: undefined; readonly version?: string }): SqliteModule {
  class DatabaseSync extends real.DatabaseSync {
    constructor(path: string, options: Options) {
      super(path, options);
      if ('isTransaction' in change) Object.defineProperty(this, 'isTransaction', { value: undefined });
    }
    override prepare(sql: string) {
      return super.prepare(sql.replace('sqlite_version()', change.version ? `'${change.version}'` : '$&'));
    }
  }
  return { DatabaseSync };
}

describe('the driver that Node brings', () => {
  test('is used where it can do all that is needed', () => {
    expect(findBuiltIn(() => real)?.name).toBe('node:sqlite');
    expect(findBuiltIn(() => changed({ version: '3.51.0' }))?.name).toBe('node:sqlite');
    expect(findBuiltIn(() => changed({ version: '4.0.0' }))?.name).toBe('node:sqlite');
  });

  test.each<[string, SqliteModule | undefined]>([
    ['there is none', undefined],
    ['rows cannot be arrays', without('returnArrays')],
    ['it has no timeout for locks', without('timeout')],
    ['it does not say whether a transaction is open', changed({ isTransaction: undefined })],
    ['its SQLite would make a checkpoint where none is wanted', changed({ version: '3.50.9' })],
  ])('is not used where %s', (_, module) => {
    expect(findBuiltIn(() => module)).toBeNull();
  });

  test('is loaded without the warning about it, and with every other one', async () => {
    const warnings: string[] = [];
    const listen = ({ name, message }: Error) => warnings.push(`${name}: ${message}`);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const { emitWarning } = process;
    findBuiltIn(() => {
      process.emitWarning(
        'SQLite is an experimental feature and might change at any time',
        'ExperimentalWarning',
      );
      process.emitWarning('Another is an experimental feature', 'ExperimentalWarning');
      process.emitWarning(new Error('seen'));
      return undefined;
    });
    await nextTurn();
    expect(warnings).toEqual(['ExperimentalWarning: Another is an experimental feature', 'Error: seen']);
    expect(process.emitWarning).toBe(emitWarning);
  });
});

const drivers = [findBuiltIn(), loadPackage(), findBuiltIn(() => real)].filter((driver) => driver !== null);

describe.each(drivers)('a connection by $name', (driver) => {
  const open = () => {
    const connection = driver.open(':memory:', 100);
    onTestFinished(() => connection.close());
    return connection;
  };

  test('stores whole numbers as such, also in text', () => {
    const { prepare, prepareObjects } = open();
    const numbers = [0, 9, -1, 2 ** 31, 1_799_999_999_999, Number.MAX_SAFE_INTEGER];
    for (const number of numbers.slice(0, 3)) {
      expect(prepare("SELECT typeof(?1), 'lost-' || ?1").get(number)).toEqual(['integer', `lost-${number}`]);
    }
    prepare('CREATE TABLE t (n INTEGER) STRICT').run();
    for (const number of numbers) prepare('INSERT INTO t VALUES (?)').run(number);
    const rows = numbers.map((n) => ({ n, type: 'integer' }));
    expect(prepareObjects('SELECT n, typeof(n) AS type FROM t').all()).toEqual(rows);
    expect(prepare('SELECT typeof(?), ?').get(1.5, 1.5)).toEqual(['real', 1.5]);
  });

  test('keeps bytes, empty bytes and nothing apart', () => {
    const bytes = new Uint8Array([0, 255]);
    const row = open()
      .prepare('SELECT ?1, typeof(?2), ?2, ?3, ?4')
      .get(bytes, Buffer.alloc(0), null, '\u{1f600}');
    expect(row).toEqual([bytes, 'blob', new Uint8Array(0), null, '\u{1f600}']);
  });

  test('refuses whole numbers that JavaScript would round', () => {
    const { prepare } = open();
    expect(() => prepare('SELECT 9007199254740993').get()).toThrow(/too large to be represented/);
    expect(() => prepare('SELECT 9007199254740993').all()).toThrow(/too large to be represented/);
  });

  test('counts changed rows, and tells whether a transaction is open', () => {
    const connection = open();
    connection.exec('CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2)');
    expect(connection.isTransaction).toBe(false);
    connection.exec('BEGIN');
    expect(connection.prepare('UPDATE t SET n = n + ?').run(1)).toBe(2);
    expect(connection.isTransaction).toBe(true);
    connection.exec('ROLLBACK');
    expect(connection.prepare('SELECT n FROM t').all()).toEqual([[1], [2]]);
  });

  test('gives errors with the result code of SQLite', () => {
    const { exec, prepare } = open();
    exec('CREATE TABLE t (n INTEGER UNIQUE) STRICT; INSERT INTO t VALUES (1)');
    const errorOf = (call: () => unknown) => {
      try {
        return call();
      } catch (error) {
        return (error as { errcode?: unknown }).errcode;
      }
    };
    // SQLITE_ERROR, SQLITE_CONSTRAINT_UNIQUE, SQLITE_CONSTRAINT_DATATYPE
    expect(errorOf(() => prepare('SELEC'))).toBe(1);
    expect(errorOf(() => exec('INSERT INTO t VALUES (1)'))).toBe(2_067);
    expect(errorOf(() => prepare('INSERT INTO t VALUES (?)').run('x'))).toBe(3_091);
  });
});
