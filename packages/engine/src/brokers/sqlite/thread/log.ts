// The write-ahead log of an open database: its checkpoints, and the marks that tie it to the file (log-mark.ts).
import { closeSync, openSync, readSync } from 'node:fs';
import type { CallGate } from '../call-gate.ts';
import { errorKindOf } from '../errors.ts';
import {
  APPLICATION_ID,
  FRAME_HEADER_BYTES,
  LOG_HEADER_BYTES,
  pageOfFrame,
  tagAfter,
  tagOfLog,
  toUserVersion,
  type LogMark,
} from './log-mark.ts';

/** Checkpoints every 16 MB: more frequent ones cost a fifth of the inserts, rarer ones make the log large. */
const MAX_FRAMES = 4_000;
const FRAME_BUFFER = Buffer.alloc(FRAME_HEADER_BYTES);

/** A statement that answers with one row of numbers. */
interface NumberStatement {
  get(): readonly unknown[] | undefined;
}

/** What the log uses of the database. */
interface OpenFile {
  readonly path: string;
  readonly pageBytes: number;
  readonly gate: Pick<CallGate, 'run'>;
  exec(sql: string): void;
  prepare(sql: string): NumberStatement;
}

/** A time without checkpoints, in which the file does not change. */
export interface Hold {
  /** Whether a checkpoint had to be made all the same, since the disk was full. */
  isBroken: boolean;
}

/**
 * Every checkpoint is made here. Before it a mark says that more follows, and after it the first transaction of the
 * log's next generation says that this one is whole. So the file alone always shows that it lacks its log, and at the end
 * SQLite's own last checkpoint leaves a file that is whole, however the process ends.
 */
export class WriteAheadLog {
  readonly #database: OpenFile;
  #isStarted = false;
  #size: NumberStatement | undefined;
  /** Tag of the log's generation. */
  #tag = 0;
  /** Whether the last mark says that more follows, so another has to be written. */
  #lacksMark = false;
  /** Whether the next transaction begins the log anew. */
  #isCopied = false;
  readonly #watchers = new Set<Set<number>>();
  readonly #holds = new Set<Hold>();

  constructor(database: OpenFile) {
    this.#database = database;
  }

  /** Ties the log to the file. The database must be one of ours, and locked. From here on checkpoints are made here. */
  start(): void {
    const { exec, prepare } = this.#database;
    const [version] = prepare('PRAGMA user_version').get() ?? [];
    // SQLite begins a log with salts by chance. Its first transaction repeats the file's mark, which ties the two.
    exec(`PRAGMA wal_autocheckpoint = 0;
      BEGIN IMMEDIATE; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${Number(version)}; COMMIT`);
    this.#tag = this.#readTag();
    this.#isStarted = true;
    this.checkpoint();
  }

  /** To be called before each transaction: makes the checkpoint that is due, and writes the mark that is missing. */
  beforeTransaction(): void {
    if (!this.#isStarted) return;
    if (this.#holds.size === 0 && this.#frameCount() >= MAX_FRAMES) this.checkpoint();
    else if (this.#lacksMark) this.#markGeneration();
  }

  /** Copies the log into the file, and begins the log anew. Ends holds. */
  checkpoint(): void {
    this.#database.gate.run(() => this.#makeCheckpoint());
  }

  #makeCheckpoint(): void {
    if (!this.#isStarted) return this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
    for (const hold of this.#holds) hold.isBroken = true;
    try {
      this.#write({ tag: this.#tag, more: true });
      // Also if the checkpoint fails, as on a full disk: the log then goes on, and must end as whole.
      this.#lacksMark = true;
    } catch (error) {
      // A full disk has no room even for this mark. A copy of the file alone then looks whole, but no data is at risk.
      if (errorKindOf(error) !== 'full') throw error;
    }
    this.#reportPages();
    this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
    this.#lacksMark = true;
    this.#isCopied = true;
    this.#markGeneration();
  }

  /** To be called before the database is closed, which copies the log into the file: the last mark must say that it is whole. */
  finish(): void {
    if (!this.#lacksMark) return;
    try {
      this.#markGeneration();
    } catch {
      // A full disk. In a log that begins anew there is room.
      this.checkpoint();
    }
  }

  /**
   * Copies everything into the file and marks it as whole: the log itself was taken away, and what is written to it from
   * here on is lost.
   */
  settle(): void {
    this.#database.gate.run(() => {
      this.#write({ tag: this.#tag, more: false });
      this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)');
    });
  }

  /** Collects the numbers of the pages that checkpoints write to the file. Call `unwatch` with the same set. */
  watch(pages: Set<number>): void {
    this.#watchers.add(pages);
  }

  unwatch(pages: Set<number>): void {
    this.#watchers.delete(pages);
  }

  /** Makes a checkpoint, and no other until `release`. */
  hold(): Hold {
    this.checkpoint();
    const hold: Hold = { isBroken: false };
    this.#holds.add(hold);
    return hold;
  }

  release(hold: Hold): void {
    this.#holds.delete(hold);
  }

  #write(mark: LogMark): void {
    this.#database.exec(`PRAGMA user_version = ${toUserVersion(mark)}`);
  }

  #markGeneration(): void {
    const expected = this.#isCopied ? tagAfter(this.#tag) : this.#tag;
    this.#write({ tag: expected, more: false });
    const tag = this.#readTag();
    // Only if SQLite counted otherwise than it does today.
    if (tag !== expected) this.#write({ tag, more: false });
    this.#tag = tag;
    this.#lacksMark = false;
    this.#isCopied = false;
  }

  /** The number of frames in the log's generation. */
  #frameCount(): number {
    this.#size ??= this.#database.prepare('PRAGMA wal_checkpoint(NOOP)');
    return Number(this.#size.get()?.[1]);
  }

  /** Reads from the log; SQLite has it open as well, but takes no locks on it. */
  #readLog<T>(read: (file: number) => T): T {
    const file = openSync(`${this.#database.path}-wal`, 'r');
    try {
      return read(file);
    } finally {
      closeSync(file);
    }
  }

  #readTag(): number {
    const header = Buffer.alloc(LOG_HEADER_BYTES);
    this.#readLog((file) => readSync(file, header, 0, header.length, 0));
    return tagOfLog(header) ?? 0;
  }

  /** Tells the watchers of the pages in the log. */
  #reportPages(): void {
    if (this.#watchers.size === 0) return;
    const frames = this.#frameCount();
    const frameBytes = FRAME_HEADER_BYTES + this.#database.pageBytes;
    this.#readLog((file) => {
      for (let frame = 0; frame < frames; frame += 1) {
        readSync(file, FRAME_BUFFER, 0, FRAME_HEADER_BYTES, LOG_HEADER_BYTES + frame * frameBytes);
        for (const pages of this.#watchers) pages.add(pageOfFrame(FRAME_BUFFER));
      }
    });
  }
}
