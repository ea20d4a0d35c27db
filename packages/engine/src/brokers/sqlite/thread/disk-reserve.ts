import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';

/** Room for some hundred exchanges: each writes whole pages of what it ends. */
const SIZE = 4 * 1_024 * 1_024;
const CHUNK = 64 * 1_024;
const AGAIN_MS = 1_000;

/**
 * Room on the disk that is kept for the end of what has begun: once the disk is full it is given away, and until it
 * is back nothing new may be stored, so that outcomes can still be written.
 */
export interface DiskReserve {
  /** Whether it was given away; looks now and then whether the disk has room for it again. */
  isSpent(): boolean;
  spend(): void;
  /** Gives the room back for good. */
  remove(): void;
}

/** A reserve that was never there: nothing is kept, nothing is refused. */
export const noDiskReserve: DiskReserve = { isSpent: () => false, spend() {}, remove() {} };

/** Fills the file; false = the disk has no room for it. Noise, as file systems may store zeros without room. */
function fill(path: string): boolean {
  const noise = randomFillSync(Buffer.alloc(CHUNK));
  let file: number | undefined;
  try {
    file = openSync(path, 'w', 0o600);
    for (let written = 0; written < SIZE; written += CHUNK) {
      if (writeSync(file, noise) < CHUNK) return false;
    }
    return true;
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Keeps room in a file beside the database: `<path>-reserve`, 4 MiB. */
export function createDiskReserve(path: string): DiskReserve {
  const file = `${path}-reserve`;
  const take = (): boolean => {
    if (fill(file)) return true;
    rmSync(file, { force: true });
    return false;
  };
  // A disk that has no room from the start may still serve: only once it says that it is full something is refused.
  take();
  let spent = false;
  let lookedMs = 0;

  return {
    isSpent() {
      if (!spent || performance.now() - lookedMs < AGAIN_MS) return spent;
      lookedMs = performance.now();
      spent = !take();
      return spent;
    },
    spend() {
      rmSync(file, { force: true });
      spent = true;
      lookedMs = performance.now();
    },
    remove: () => rmSync(file, { force: true }),
  };
}
