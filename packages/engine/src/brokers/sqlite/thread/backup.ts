// Copies the file while it is in use. Runs in the writer thread, between transactions. The file changes only in
// checkpoints, whose pages are known: the whole file is copied first, then the pages that changed meanwhile, until few are
// left. Checkpoints wait for these last ones only, and transactions wait for nothing.
import { randomInt } from 'node:crypto';
import { fstatSync, read as readFile, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, TaskCenterError } from '../../../errors/task-center-error.ts';
import { errorKindOf, toWire } from '../errors.ts';
import type { BackupResult } from '../messages.ts';
import type { Database } from './database.ts';
import { FILE_HEADER_BYTES, markOf, toUserVersion, USER_VERSION_AT } from './log-mark.ts';
import { writeAll } from './write-all.ts';

const read = promisify(readFile);

const COPY_BYTES = 1_024 * 1_024;
/** What is written before it is synced: a sync of more would hold up those of transactions. */
const MAX_UNSYNCED_BYTES = 8 * COPY_BYTES;
/** Disk space that a copy leaves free for the log of the database. */
const MIN_FREE_BYTES = 32 * 1_024 * 1_024;
/** So few changed pages are copied while checkpoints wait. */
const FEW_PAGES = 1_024;
/** Under a load that changes more pages than can be copied, the last of these rounds holds checkpoints all the same. */
const MAX_COPY_ROUNDS = 4;
/** Where a file keeps the number of its pages. */
const PAGE_COUNT_AT = 28;
const MAX_TAG = 2 ** 31;

const byteRange = (page: number, pageBytes: number) => ({
  from: (page - 1) * pageBytes,
  to: page * pageBytes,
});

/** The places of pages in a file, with neighbours joined into ranges. */
function rangesOf(pages: Iterable<number>, pageBytes: number): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const page of [...pages].sort((a, b) => a - b)) {
    const range = byteRange(page, pageBytes);
    const last = ranges.at(-1);
    if (last?.to === range.from) last.to = range.to;
    else ranges.push(range);
  }
  return ranges;
}

interface CopyDeps {
  readonly database: Database;
  readonly target: FileHandle;
  /** Whether the disk has still what the database needs. */
  readonly hasRoom: () => boolean;
  readonly signal: AbortSignal;
}

/** One copy: where it comes from, where it goes, and whether it is still wanted. */
class Copy {
  readonly #database: Database;
  readonly #source: number;
  readonly #target: FileHandle;
  readonly #signal: AbortSignal;
  readonly #hasRoom: () => boolean;
  readonly #buffer = Buffer.alloc(COPY_BYTES);
  #unsyncedBytes = 0;

  constructor({ database, target, hasRoom, signal }: CopyDeps) {
    this.#database = database;
    this.#source = database.descriptor();
    this.#target = target;
    this.#hasRoom = hasRoom;
    this.#signal = signal;
  }

  /** Copies everything. Resolves to the size of the copy. */
  async run(): Promise<number> {
    const { log } = this.#database;
    const changed = new Set<number>();
    log.watch(changed);
    try {
      await this.#copy(0, fstatSync(this.#source).size);
      for (let round = 0; round < MAX_COPY_ROUNDS && changed.size > FEW_PAGES; round += 1)
        await this.#copyPages(changed);
      const hold = log.hold();
      try {
        await this.#copyPages(changed);
        await this.#target.truncate(fstatSync(this.#source).size);
        if (hold.isBroken) throw noRoom(this.#database);
      } finally {
        log.release(hold);
      }
    } finally {
      log.unwatch(changed);
    }
    return this.#complete();
  }

  /** Copies the pages. The set is emptied first: it collects those that change from now on. */
  async #copyPages(pages: Set<number>): Promise<void> {
    const ranges = rangesOf(pages, this.#database.pageBytes);
    pages.clear();
    for (const { from, to } of ranges) await this.#copy(from, to);
  }

  async #copy(from: number, to: number): Promise<void> {
    for (let at = from; at < to;) {
      this.#signal.throwIfAborted();
      const length = Math.min(COPY_BYTES, to - at);
      const { bytesRead } = await read(this.#source, this.#buffer, 0, length, at);
      // The file has become shorter. The last step cuts the copy off, too.
      if (bytesRead === 0) return;
      await writeAll(this.#target, this.#buffer.subarray(0, bytesRead), at);
      at += bytesRead;
      this.#unsyncedBytes += bytesRead;
      if (this.#unsyncedBytes >= MAX_UNSYNCED_BYTES) await this.#sync();
    }
  }

  async #sync(): Promise<void> {
    this.#unsyncedBytes = 0;
    await this.#target.datasync();
    if (!this.#hasRoom()) throw noRoom(this.#database);
  }

  /** Marks the copy as a file that needs no log, and that no log belongs to. */
  async #complete(): Promise<number> {
    const header = Buffer.alloc(FILE_HEADER_BYTES);
    await this.#target.read(header, 0, header.length, 0);
    if (markOf(header) !== null) {
      header.writeInt32BE(toUserVersion({ tag: randomInt(MAX_TAG), more: false }), USER_VERSION_AT);
      await this.#target.write(header, USER_VERSION_AT, 4, USER_VERSION_AT);
    }
    await this.#target.sync();
    const { size } = await this.#target.stat();
    const expected = header.readUInt32BE(PAGE_COUNT_AT) * this.#database.pageBytes;
    if (size !== expected) throw new Error(`the copy has ${size} bytes instead of ${expected}`);
    return size;
  }
}

const noRoom = ({ path }: Database): TaskCenterError =>
  new TaskCenterError('broker-full', { broker: `sqlite:${path}` });

/** Whether `bytes` more fit beside a path, and what the database needs if it is on the same disk. */
function hasRoomFor(bytes: number, path: string, database: Database): boolean {
  const { bavail, bsize } = statfsSync(dirname(path));
  const isSameDisk = statSync(dirname(path)).dev === fstatSync(database.descriptor()).dev;
  return bavail * bsize >= bytes + (isSameDisk ? MIN_FREE_BYTES : 0);
}

/** What a failed copy is reported as. */
function copyError(error: unknown, path: string, database: Database): TaskCenterError {
  if (error instanceof TaskCenterError) return error;
  const broker = `sqlite:${database.path}`;
  if (errorKindOf(error) === 'full') return noRoom(database);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return noRoom(database);
    case 'EEXIST':
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EACCES':
    case 'EROFS':
      return new TaskCenterError('invalid-value', {
        name: 'path',
        got: path,
        expected: `a new file in a folder that this user may write to (${messageOf(error)})`,
      });
    default:
      return new TaskCenterError('broker-refused', { broker, cause: messageOf(error) });
  }
}

async function copyTo(path: string, database: Database, signal: AbortSignal): Promise<number> {
  let isCreated = false;
  try {
    signal.throwIfAborted();
    if (!hasRoomFor(fstatSync(database.descriptor()).size, path, database)) throw noRoom(database);
    const target = await open(path, 'wx+', 0o600);
    isCreated = true;
    try {
      const hasRoom = () => hasRoomFor(0, path, database);
      return await new Copy({ database, target, hasRoom, signal }).run();
    } finally {
      await target.close();
    }
  } catch (error) {
    if (isCreated) await rm(path, { force: true });
    throw copyError(error, path, database);
  }
}

/** The backups of one file: one after the other, each until it is written, cancelled or the file is closed. */
export class Backups {
  readonly #database: Database;
  readonly #wanted = new Map<number, AbortController>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes a copy to a new file; resolves when that is done. Of a copy that fails nothing is left. */
  write(id: number, path: string): Promise<BackupResult> {
    const wanted = new AbortController();
    this.#wanted.set(id, wanted);
    const written = this.#writeAfter(this.#last, path, wanted.signal).finally(() => this.#wanted.delete(id));
    this.#last = written;
    return written;
  }

  async #writeAfter(last: Promise<unknown>, path: string, signal: AbortSignal): Promise<BackupResult> {
    await last;
    try {
      return { bytes: await copyTo(path, this.#database, signal) };
    } catch (error) {
      return { error: toWire(error as TaskCenterError) };
    }
  }

  cancel(id: number): void {
    const broker = `sqlite:${this.#database.path}`;
    this.#wanted.get(id)?.abort(new TaskCenterError('broker-closed', { broker }));
  }

  /** Cancels all; resolves when none runs. */
  async stop(): Promise<void> {
    for (const id of this.#wanted.keys()) this.cancel(id);
    await this.#last;
  }
}

/** What the names of copies beside the file begin with. */
export const backupPrefix = (path: string): string => `${path}-backup-`;

/** Removes copies that an earlier process was making when it died. */
export function removeLeftovers(path: string): void {
  const prefix = basename(backupPrefix(path));
  for (const name of readdirSync(dirname(path)))
    if (name.startsWith(prefix)) rmSync(join(dirname(path), name), { force: true });
}
