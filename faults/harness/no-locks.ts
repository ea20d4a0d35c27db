import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Run } from './run.ts';

const SOURCE = fileURLToPath(new URL('no-locks.c', import.meta.url));

/** The environment of processes for which file locks succeed without effect. Linux only, with a C compiler. */
export function withoutLocks(run: Run): Readonly<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-no-locks-'));
  run.cleanUp(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, 'no-locks.so');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'], { stdio: 'pipe' });
  return { LD_PRELOAD: library };
}
