// What this broker uses of a SQLite driver, and what the two drivers have in common: both have the classes of `node:sqlite`.

export type SqlValue = null | number | string | Uint8Array;
export type SqlRow = readonly SqlValue[];

/** A prepared statement. Parameters go by their order. */
export interface Prepared<Row> {
  /** Returns the number of rows changed. */
  run(...values: SqlValue[]): number;
  all(...values: SqlValue[]): Row[];
  get(...values: SqlValue[]): Row | undefined;
}

/** A prepared statement with rows that are arrays. */
export type Statement = Prepared<SqlRow>;

/** An open file. Its errors have SQLite's result code as `errcode`. */
export interface SqliteConnection {
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): Statement;
  /** Rows are objects, whose keys are the names of the columns. */
  prepareObjects<Row>(sql: string): Prepared<Row>;
  close(): void;
}

export interface Driver {
  readonly name: 'node:sqlite' | '@photostructure/sqlite';
  /** `timeout`: how long a call waits for another owner's lock, ms. */
  open(path: string, timeout: number): SqliteConnection;
}

/** A value as a driver binds it. */
export type BoundValue = SqlValue | bigint;

interface NativeStatement {
  run(...values: BoundValue[]): { readonly changes: number | bigint };
  all(...values: BoundValue[]): unknown[];
  get(...values: BoundValue[]): unknown;
  setReturnArrays(enabled: boolean): void;
}

interface NativeDatabase {
  /** Missing in older versions of Node. */
  readonly isTransaction?: boolean;
  exec(sql: string): void;
  prepare(sql: string): NativeStatement;
  close(): void;
}

/** The part of the module `node:sqlite` that is used. */
export interface SqliteModule {
  readonly DatabaseSync: new (
    path: string,
    options: { readonly returnArrays: true; readonly timeout: number },
  ) => NativeDatabase;
}

/** Turns values into those that the driver binds as the same type of SQLite's. May change the array. */
export type Bind = (values: SqlValue[]) => BoundValue[];

/** A driver with the classes of `node:sqlite`. */
export function createDriver(name: Driver['name'], { DatabaseSync }: SqliteModule, bind: Bind): Driver {
  const wrap = <Row>(statement: NativeStatement): Prepared<Row> => ({
    run: (...values) => Number(statement.run(...bind(values)).changes),
    all: (...values) => statement.all(...bind(values)) as Row[],
    get: (...values) => statement.get(...bind(values)) as Row | undefined,
  });
  return {
    name,
    open(path, timeout) {
      const database = new DatabaseSync(path, { returnArrays: true, timeout });
      return {
        get isTransaction() {
          return database.isTransaction === true;
        },
        exec: (sql) => database.exec(sql),
        prepare: (sql) => wrap(database.prepare(sql)),
        prepareObjects(sql) {
          const statement = database.prepare(sql);
          statement.setReturnArrays(false);
          return wrap(statement);
        },
        close: () => database.close(),
      };
    },
  };
}
