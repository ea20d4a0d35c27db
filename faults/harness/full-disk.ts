import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './run.ts';

/** A small file system, in memory, that a test can fill. */
export interface FullDisk {
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives back what `fill` took. */
  free(): void;
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

/**
 * Starts the bed's one server anew, with nothing, on a disk of so many MiB; it goes with the run.
 *
 * @throws Error where this process may not mount (it has to be root, on Linux)
 */
export async function serverOnDisk(run: Run, mib: number): Promise<FullDisk> {
  const { server } = run.bed;
  const { folder } = server;
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], { stdio: 'pipe' });
  // Lazily, as the server still has files open there.
  run.cleanUp(() => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }));
  await server.restart();
  const filler = join(folder, 'filler');
  return { fill: () => takeAll(filler), free: () => rmSync(filler, { force: true }) };
}
