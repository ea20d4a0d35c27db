// Node's own driver. It is preferred: it can be stopped at any point, and needs no compiled package.
import { createDriver, type BoundValue, type Driver, type SqliteModule, type SqlValue } from './driver.ts';

const TIMEOUT_MS = 100;
/** The first SQLite that knows `wal_checkpoint(NOOP)`. An older one takes it for a checkpoint that does something. */
const MIN_SQLITE = [3, 51] as const;

/** Whether a warning is the one that Node gives when the module is loaded, as long as it is experimental there. */
const isAboutSqlite = (warning: unknown): boolean =>
  String(warning).startsWith('SQLite is an experimental feature');

type Load = () => SqliteModule | undefined;

// Node 20 has no such module, and the first versions of Node 22 no such function.
const loadModule: Load = () => process.getBuiltinModule?.('node:sqlite') as SqliteModule | undefined;

/** Loads the module without Node's warning of it. Every other warning is passed on. */
function loadQuietly(load: Load): SqliteModule | undefined {
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]) => {
    if (!isAboutSqlite(args[0])) Reflect.apply(emitWarning, process, args);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Whether it can do what this broker needs. Tried out, since versions of Node got these abilities in another order. */
function isAble({ DatabaseSync }: SqliteModule): boolean {
  const database = new DatabaseSync(':memory:', { returnArrays: true, timeout: TIMEOUT_MS });
  try {
    const [row] = database.prepare('SELECT sqlite_version(), timeout FROM pragma_busy_timeout').all();
    if (!Array.isArray(row) || row[1] !== TIMEOUT_MS || database.isTransaction !== false) return false;
    const [major = 0, minor = 0] = String(row[0]).split('.').map(Number);
    return major > MIN_SQLITE[0] || (major === MIN_SQLITE[0] && minor >= MIN_SQLITE[1]);
  } finally {
    database.close();
  }
}

/**
 * It binds every number as REAL, and only a `bigint` as INTEGER. Where no column turns it back, `'lost-' || 9` would be
 * `lost-9.0`.
 */
function bind(values: SqlValue[]): BoundValue[] {
  const bound: BoundValue[] = values;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value === 'number' && Number.isSafeInteger(value)) bound[index] = BigInt(value);
  }
  return bound;
}

/**
 * Null where Node has no such module, or one that cannot do what this broker needs.
 *
 * @param load only tests set it
 */
export function findBuiltIn(load: Load = loadModule): Driver | null {
  const module = loadQuietly(load);
  return module && isAble(module) ? createDriver('node:sqlite', module, bind) : null;
}
