// Says whether the write-ahead log beside a file belongs to it. Called before SQLite sees the two: it would take any log.
import { closeSync, openSync, readSync, renameSync } from 'node:fs';
import {
  FILE_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  LOG_HEADER_BYTES,
  markOf,
  pageBytesOf,
  pageOfFrame,
  tagAfter,
  tagOfFrame,
  tagOfLog,
  toUserVersion,
  type LogMark,
} from './log-mark.ts';

/**
 * - `belongs`: SQLite may read the two together; also when no log is needed.
 * - `missing`: the file needs a log, and there is none that can be read.
 * - `foreign`: the log was written for another file, or for this file at another time.
 */
export type LogState = 'belongs' | 'missing' | 'foreign';

/** The beginning of a log. */
export interface LogStart {
  /** Null = its header cannot be read: SQLite takes the log for an empty one. */
  readonly tag: number | null;
  /** Tags of its first frames, also of those that an earlier generation left. */
  readonly frameTags: readonly number[];
  /** The mark in its first frame; null = that frame is not the first page, or the page has no mark. */
  readonly firstMark: LogMark | null;
}

/** Frames whose tags are read. The log's header and its first frame may be lost at once in a power failure. */
const FRAMES_LOOKED_AT = 3;

/**
 * A file and its log belong together if the file has everything of the log's last generation, or a part of this one, or
 * if the log began with the mark that is in the file, as a new log does. No crash leaves anything else.
 */
function isLogOf(mark: LogMark, { tag, firstMark }: LogStart): boolean {
  if (tag === null) return false;
  if (tag === mark.tag || tag === tagAfter(mark.tag)) return true;
  // Another program has opened the whole file and crashed: it begins logs without marks.
  if (firstMark === null) return !mark.more;
  return toUserVersion(firstMark) === toUserVersion(mark);
}

/** What the log of a file is to it. `mark` null = the file has none: it is new, or older than marks. */
export function stateOfLog(mark: LogMark | null, log: LogStart | null): LogState {
  if (mark === null) {
    const first = log?.firstMark ?? null;
    return first !== null && toUserVersion(first) !== 0 ? 'foreign' : 'belongs';
  }
  if (log === null) return mark.more ? 'missing' : 'belongs';
  if (log.tag !== null) return isLogOf(mark, log) ? 'belongs' : 'foreign';
  // The power failed while the header of the next generation was written: the last one is still behind it.
  return !mark.more || log.frameTags.includes(mark.tag) ? 'belongs' : 'missing';
}

/** The first bytes of a file, or fewer; null = there is no such file. */
function readStart(path: string, bytes: number): Buffer | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const start = Buffer.alloc(bytes);
    return start.subarray(0, readSync(file, start, 0, bytes, 0));
  } finally {
    closeSync(file);
  }
}

function readLogStart(path: string, pageBytes: number): LogStart | null {
  const frameBytes = FRAME_HEADER_BYTES + pageBytes;
  const start = readStart(path, LOG_HEADER_BYTES + FRAMES_LOOKED_AT * frameBytes);
  if (start === null || start.length === 0) return null;
  const frames: Buffer[] = [];
  for (let at = LOG_HEADER_BYTES; at + frameBytes <= start.length; at += frameBytes)
    frames.push(start.subarray(at, at + frameBytes));
  const [first] = frames;
  const tag = tagOfLog(start);
  const isFirstPage = first !== undefined && tagOfFrame(first) === tag && pageOfFrame(first) === 1;
  return {
    tag,
    frameTags: frames.map(tagOfFrame),
    firstMark: isFirstPage ? markOf(first.subarray(FRAME_HEADER_BYTES)) : null,
  };
}

/**
 * Reads what the log beside a file is to it. No broker of this process may have the file open: closing a descriptor of
 * it drops the locks of all.
 */
export function readLogState(path: string): LogState {
  const header = readStart(path, FILE_HEADER_BYTES) ?? Buffer.alloc(0);
  return stateOfLog(markOf(header), readLogStart(`${path}-wal`, pageBytesOf(header)));
}

/** Puts a log out of SQLite's way, beside the file. Returns its new path. */
export function setLogAside(path: string, wallMs: number): string {
  const aside = `${path}-wal.aside-${wallMs}`;
  renameSync(`${path}-wal`, aside);
  return aside;
}
