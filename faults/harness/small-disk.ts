import { execFileSync } from 'node:child_process';
import { dirname } from 'node:path';
import type { Run } from './run.ts';

/** A file system of its own, in memory, of a bounded size. Linux only, as root. */
export interface SmallDisk {
  /** Makes it so large. */
  resize(mib: number): void;
  /** @throws Error when the kernel refuses, as it does while a file there is open for writing */
  readOnly(yes: boolean): void;
}

/** Puts a disk of so many MiB under the bed's SQLite file, which nobody may have opened yet; it goes with the run. */
export function putOnSmallDisk(run: Run, mib: number): SmallDisk {
  const folder = dirname(run.bed.file);
  const remount = (option: string) => {
    execFileSync('mount', ['-o', `remount,${option}`, folder], { stdio: 'pipe' });
  };
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], { stdio: 'pipe' });
  // Lazily: a member that a failed experiment left behind may still have files open there.
  run.cleanUp(() => void execFileSync('umount', ['-l', folder]));
  return {
    resize: (size) => remount(`size=${size}m`),
    readOnly: (yes) => remount(yes ? 'ro' : 'rw'),
  };
}
