// Takes a file for this process: puts its mark beside the file, where no other owner lives.
import { newUuid } from '../../../../runtime/ids.ts';
import { systemClock } from '../../../../runtime/clock.ts';
import { messageOf, TaskCenterError } from '../../../../errors/task-center-error.ts';
import { OwnMark, readMark, type FoundMark, type MarkFile, type MarkRecord } from './mark-file.ts';
import { isThisProcess, livenessOf, thisProcess } from './process-identity.ts';

/** An owner that cannot be looked up must show a sign of life within this time, ms, by this process's monotonic clock. */
const MAX_MARK_SILENCE_MS = 5_000;
const MARK_LOOK_MS = 250;

export interface TakenMark {
  /** Null = the disk takes no mark; SQLite's own lock is then all that keeps others out. */
  readonly mark: OwnMark | null;
  /** Why there is none. */
  readonly cause: string;
}

export interface MarkRequest {
  /** The database, without links in its path: the mark of a file is the same under all its names. */
  readonly path: string;
  /** Takes the file from an owner that lives, too. Another broker of this process is never robbed. */
  readonly force: boolean;
}

export const markPath = (path: string): string => `${path}.owner`;

/** The thread has nothing else to do until it owns the file. */
const sleep = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/** Waits until a mark changes or `MAX_MARK_SILENCE_MS` are over. Returns what is there then. */
function watch(path: string, seenText: string): FoundMark {
  const endMs = systemClock.monotonicMs() + MAX_MARK_SILENCE_MS;
  for (;;) {
    const found = readMark(path);
    if (found.kind !== 'file' || found.text !== seenText || systemClock.monotonicMs() >= endMs) return found;
    sleep(MARK_LOOK_MS);
  }
}

function inUse(path: string, record: MarkRecord | null): TaskCenterError {
  const holder = record && `process ${record.pid} on ${record.host}`;
  return new TaskCenterError('database-in-use', { path, ...(holder !== null && { holder }) });
}

/** Returns when the mark that was found may be taken away. @throws TaskCenterError `database-in-use` */
function waitForEnd(found: MarkFile, { path, force }: MarkRequest): void {
  const here = thisProcess();
  const { record, text } = found;
  if (record && isThisProcess(record, here)) throw inUse(path, record);
  const liveness = record ? livenessOf(record, here) : 'unknown';
  if (force || liveness === 'gone') return;
  if (liveness === 'runs') throw inUse(path, record);
  const later = watch(markPath(path), text);
  if (later.kind === 'file' && later.text !== text) throw inUse(path, later.record);
}

/** Returns null when the mark is in its place, or why it cannot be. Starts again when another process is faster. */
function take(mark: OwnMark, request: MarkRequest): string | null {
  const path = markPath(request.path);
  for (;;) {
    const found = readMark(path);
    if (found.kind === 'other') return `${path} is no file`;
    if (found.kind === 'none') {
      if (mark.place()) return null;
    } else {
      waitForEnd(found, request);
      // It has changed meanwhile: another process has taken the file, or its owner lives.
      if (!mark.replace(found.text) && !request.force) throw inUse(request.path, null);
    }
  }
}

/**
 * Puts a mark beside the file. One of a process that is gone from this host delays nothing; one of another host is watched.
 *
 * @throws TaskCenterError `database-in-use`
 */
export function takeMark(request: MarkRequest): TakenMark {
  const mark = new OwnMark(markPath(request.path), { ...thisProcess(), id: newUuid(), beat: 0 });
  try {
    const cause = take(mark, request);
    return cause === null ? { mark, cause: '' } : { mark: null, cause };
  } catch (error) {
    mark.close();
    if (error instanceof TaskCenterError) throw error;
    return { mark: null, cause: messageOf(error) };
  }
}
