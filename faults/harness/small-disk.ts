import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Run } from './run.ts';

/** A file system of its own, in memory, of a bounded size. Linux only, as root. */
export interface SmallDisk {
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
  /** Makes it so large. */
  resize(mib: number): void;
  /** @throws Error when the kernel refuses, as it does while a file there is open for writing */
  setReadOnly(yes: boolean): void;
}

const BLOCK = Buffer.alloc(4_096);

/** Writes until there is no room for one block more. */
function takeAll(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (;;) writeSync(file, BLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

function mountAt(folder: string, mib: number, run: Run): SmallDisk {
  const mount = (...args: string[]) => void execFileSync('mount', [...args, folder], { stdio: 'pipe' });
  mount('-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs');
  // Lazily, as somebody may still have files open there.
  run.cleanUp(() => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }));
  const filler = join(folder, 'filler');
  return {
    fill: () => takeAll(filler),
    free: () => rmSync(filler, { force: true }),
    resize: (size) => mount('-o', `remount,size=${size}m`),
    setReadOnly: (yes) => mount('-o', `remount,${yes ? 'ro' : 'rw'}`),
  };
}

/** Puts a disk of so many MiB under the bed's SQLite file, which nobody may have opened yet; it goes with the run. */
export function putOnSmallDisk(run: Run, mib: number): SmallDisk {
  return mountAt(dirname(run.bed.file), mib, run);
}

/** Starts the bed's one server anew, with nothing, on a disk of so many MiB; it goes with the run. */
export async function serverOnDisk(run: Run, mib: number): Promise<SmallDisk> {
  const disk = mountAt(run.bed.server.folder, mib, run);
  await run.bed.server.restart();
  return disk;
}
