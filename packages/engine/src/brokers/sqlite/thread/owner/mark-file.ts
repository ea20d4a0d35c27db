// The file in which an owner says who it is, beside the database: `<path>.owner`. One line of JSON of a fixed length, which
// its owner rewrites in place.
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import type { ProcessIdentity } from './process-identity.ts';

export interface MarkRecord extends ProcessIdentity {
  /** Random: tells two owners of one process apart, too. */
  readonly id: string;
  /** Counts up each second while the owner lives. Nobody compares it with a clock: those of two hosts differ. */
  readonly beat: number;
}

/** What is found at the path of a mark. `other` = something that is no file: it is left alone. */
export type FoundMark = { readonly kind: 'none' } | { readonly kind: 'other' } | MarkFile;

export interface MarkFile {
  readonly kind: 'file';
  /** Null = the content is no mark. */
  readonly record: MarkRecord | null;
  readonly text: string;
}

/** A mark is shorter. Of a larger file only the beginning is read. */
const MAX_BYTES = 2_048;
const BEAT_DIGITS = 12;

export function toText(record: MarkRecord): string {
  const beat = String(record.beat).padStart(BEAT_DIGITS, '0');
  return `${JSON.stringify({ ...record, beat })}\n`;
}

/** Anybody may have written the text. */
function parseMark(text: string): MarkRecord | null {
  try {
    const { id, host, boot, namespace, pid, started, beat } = JSON.parse(text) as Record<string, unknown>;
    const texts = [id, host, boot, namespace, started, beat];
    if (typeof pid !== 'number' || texts.some((value) => typeof value !== 'string')) return null;
    return { id, host, boot, namespace, pid, started, beat: Number(beat) } as MarkRecord;
  } catch {
    return null;
  }
}

/** Reads what is at a path, without following a link. */
export function readMark(path: string): FoundMark {
  let file: number;
  try {
    if (!lstatSync(path).isFile()) return { kind: 'other' };
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'none' };
    throw error;
  }
  try {
    const buffer = Buffer.alloc(MAX_BYTES);
    const text = buffer.toString('utf8', 0, readSync(file, buffer, 0, MAX_BYTES, 0));
    return { kind: 'file', record: parseMark(text), text };
  } finally {
    closeSync(file);
  }
}

/** The mark of this process. Its descriptor is kept: a mark that has replaced it is never written to. */
export class OwnMark {
  readonly #path: string;
  #record: MarkRecord;
  #file: number | undefined;

  constructor(path: string, record: MarkRecord) {
    this.#path = path;
    this.#record = record;
  }

  get record(): MarkRecord {
    return this.#record;
  }

  get id(): string {
    return this.#record.id;
  }

  /** Puts the mark in its place, written. False = another is there. @throws Error when the disk takes no file */
  place(): boolean {
    this.close();
    const temporary = this.#ownName();
    this.#file = openSync(temporary, 'wx+', 0o600);
    try {
      writeSync(this.#file, toText(this.#record), 0);
      linkSync(temporary, this.#path);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'ENOENT') throw error;
      // Some file systems have no links.
      return this.#placeUnwritten();
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** Takes the name first, and then writes. */
  #placeUnwritten(): boolean {
    this.close();
    try {
      this.#file = openSync(this.#path, 'wx+', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
    writeSync(this.#file, toText(this.#record), 0);
    return true;
  }

  /** Whether the file at the path is the one that this mark was written to. Opens no file. */
  isInPlace(): boolean {
    if (this.#file === undefined) return false;
    const [own, found] = [fstatSync(this.#file), lstatSync(this.#path)];
    return own.dev === found.dev && own.ino === found.ino;
  }

  /** Writes the next sign of life. `durable`: other hosts must see it. */
  beat(durable: boolean): void {
    if (this.#file === undefined) return;
    this.#record = { ...this.#record, beat: this.#record.beat + 1 };
    writeSync(this.#file, toText(this.#record), 0);
    if (durable) fdatasyncSync(this.#file);
  }

  /** Takes another's mark away if it is still the one that was read. False = it has changed. */
  replace(seenText: string): boolean {
    const aside = `${this.#ownName()}.old`;
    try {
      renameSync(this.#path, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
    const moved = readMark(aside);
    const isSame = moved.kind === 'file' && moved.text === seenText;
    try {
      if (!isSame) linkSync(aside, this.#path);
    } catch {
      // Another mark is in its place already; its owner will see that this one is gone.
    }
    rmSync(aside, { force: true });
    return isSame;
  }

  /** Removes the mark, unless another is in its place. */
  remove(): void {
    this.close();
    const found = readMark(this.#path);
    if (found.kind === 'file' && found.record?.id === this.id) rmSync(this.#path, { force: true });
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #ownName(): string {
    return `${this.#path}.${this.id}`;
  }
}
