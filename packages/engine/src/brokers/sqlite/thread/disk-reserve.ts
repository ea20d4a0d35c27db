// Keeps disk space for outcomes. Runs in the writer thread.
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { systemClock } from '../../../runtime/clock.ts';

/** Space for some hundred exchanges: each writes whole pages for the tasks that it finishes. */
const RESERVE_BYTES = 4 * 1_024 * 1_024;
const CHUNK_BYTES = 64 * 1_024;
/** How often a spent reserve is tried again, ms. */
const RESERVE_RETRY_MS = 1_000;

/**
 * Disk space reserved for the outcomes of tasks that have started. When the disk is full the reserve is spent on them.
 * New tasks are refused until the disk has space for the reserve again.
 */
export interface DiskReserve {
  /** Whether it is spent now. At most once a second this first tries to reserve the space again. */
  isSpent(): boolean;
  /** Frees the space for outcomes. */
  spend(): void;
  /** Frees the space for good, when the database is closed. */
  remove(): void;
}

/** No reserve: nothing is kept, nothing is refused. For tests. */
export const noDiskReserve: DiskReserve = { isSpent: () => false, spend() {}, remove() {} };

/** Fills the file with random bytes, since file systems may store zeros without using space. False = the disk is full. */
function fill(path: string): boolean {
  const noise = randomFillSync(Buffer.alloc(CHUNK_BYTES));
  let file: number | undefined;
  try {
    file = openSync(path, 'w', 0o600);
    for (let written = 0; written < RESERVE_BYTES; written += CHUNK_BYTES) {
      if (writeSync(file, noise) < CHUNK_BYTES) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Reserves space by a file beside the database: `<path>-reserve`, 4 MiB. */
export function createDiskReserve(path: string): DiskReserve {
  const file = `${path}-reserve`;
  const tryReserve = (): boolean => {
    if (fill(file)) return true;
    rmSync(file, { force: true });
    return false;
  };
  // A disk without space for the reserve may still serve: tasks are refused only after a write has found it full.
  tryReserve();
  let spent = false;
  let triedMs = 0;

  return {
    isSpent() {
      if (!spent || systemClock.monotonicMs() - triedMs < RESERVE_RETRY_MS) return spent;
      triedMs = systemClock.monotonicMs();
      spent = !tryReserve();
      return spent;
    },
    spend() {
      rmSync(file, { force: true });
      spent = true;
      triedMs = systemClock.monotonicMs();
    },
    remove: () => rmSync(file, { force: true }),
  };
}
