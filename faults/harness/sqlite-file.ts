import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from '../../packages/engine/src/brokers/sqlite/thread/database.ts';
import type { Run } from './run.ts';

/** The bytes of a closed database: the file and its write-ahead log. */
export interface Bytes {
  readonly file: Buffer;
  readonly log: Buffer;
}

/** Sizes in the format of SQLite's write-ahead log, bytes. */
const HEADER = 32;
const FRAME_HEADER = 24;

export const readBytes = (path: string): Bytes => ({
  file: readFileSync(path),
  log: existsSync(`${path}-wal`) ? readFileSync(`${path}-wal`) : Buffer.alloc(0),
});

/** Writes a copy and returns its path. It is removed at the end of the run. */
export function copyOf(run: Run, { file, log }: Bytes): string {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-copy-'));
  run.cleanUp(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'tasks.db');
  writeFileSync(path, file);
  writeFileSync(`${path}-wal`, log);
  return path;
}

/** Runs `read` on a copy, which leaves the database itself untouched. */
function onCopy<T>(bytes: Bytes, read: (database: Database) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-copy-'));
  const path = join(folder, 'tasks.db');
  try {
    writeFileSync(path, bytes.file);
    writeFileSync(`${path}-wal`, bytes.log);
    const database = openDatabase(path);
    try {
      return read(database);
    } finally {
      database.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const integrity = (database: Database): unknown => database.prepare('PRAGMA integrity_check').get()?.[0];

/** The answer of `PRAGMA integrity_check`: `ok` or the first error. The database must be closed. */
export const integrityOf = (path: string): unknown => onCopy(readBytes(path), integrity);

/** The IDs of all tasks. The database must be closed. */
export const idsIn = (path: string): Set<unknown> =>
  onCopy(readBytes(path), (database) => {
    const rows = database.prepare('SELECT id FROM task').all();
    return new Set(rows.map(([id]) => id));
  });

/** A hash of all rows: equal for equal tasks and queues. @throws Error where the database is damaged */
export function digest(bytes: Bytes): string {
  return onCopy(bytes, (database) => {
    const found = integrity(database);
    if (found !== 'ok') throw new Error(`the database is damaged (${String(found)})`);
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all();
    const rows = tables.map(([name]) => [name, database.prepare(`SELECT * FROM "${String(name)}"`).all()]);
    // JSON has no bigint.
    const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
    return createHash('sha256').update(JSON.stringify(rows, plain)).digest('hex');
  });
}

/** A frame of the log. `end`: offset after its last byte; `commits`: it ends a transaction. */
export interface Frame {
  readonly end: number;
  readonly commits: boolean;
}

/** The valid frames. Frames of an earlier use of the log have another salt and are left out. */
export function framesOf(log: Buffer): Frame[] {
  const frames: Frame[] = [];
  if (log.length < HEADER) return frames;
  const size = FRAME_HEADER + log.readUInt32BE(8);
  const salt = log.subarray(16, 24);
  for (let at = HEADER; at + size <= log.length; at += size) {
    if (!log.subarray(at + 8, at + 16).equals(salt)) break;
    frames.push({ end: at + size, commits: log.readUInt32BE(at + 4) > 0 });
  }
  return frames;
}
