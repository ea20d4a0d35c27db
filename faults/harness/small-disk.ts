import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Run } from './run.ts';

/** A tmpfs of a bounded size. Linux only, as root. */
export interface SmallDisk {
  /** Fills the free space. */
  fill(): void;
  /** Frees what `fill` took. */
  free(): void;
  /** Changes its size. */
  resize(mib: number): void;
  /** @throws Error when the kernel refuses, as it does while a file is open for writing */
  setReadOnly(isReadOnly: boolean): void;
}

const BLOCK = Buffer.alloc(4_096);

/** Appends blocks until the disk is full. */
function fillWith(path: string): void {
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
  // Lazily, as a process may still have files open there.
  run.cleanUp(() => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }));
  const filler = join(folder, 'filler');
  return {
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    resize: (size) => mount('-o', `remount,size=${size}m`),
    setReadOnly: (isReadOnly) => mount('-o', `remount,${isReadOnly ? 'ro' : 'rw'}`),
  };
}

/** Mounts a disk of `mib` MiB under the bed's SQLite file until the end of the run. No process may have opened the file yet. */
export function putOnSmallDisk(run: Run, mib: number): SmallDisk {
  return mountAt(dirname(run.bed.file), mib, run);
}

/** Restarts the bed's single server without data on a disk of `mib` MiB, which is unmounted at the end of the run. */
export async function serverOnDisk(run: Run, mib: number): Promise<SmallDisk> {
  const disk = mountAt(run.bed.server.folder, mib, run);
  await run.bed.server.restart();
  return disk;
}
