import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it, readable by this user alone; one that is there stays as it is. Node's own
 * recursive mkdir never returns below `/proc` (Node 20).
 *
 * @throws Error with the `code` of the system: `ENOTDIR`, `EEXIST` (a file stands there), `EACCES`, `ENOENT` …
 */
export function makeFolder(path: string): void {
  const folder = resolve(path);
  const above = dirname(folder);
  if (above !== folder && !existsSync(above)) makeFolder(above);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !existsSync(`${folder}/.`)) throw error;
  }
}
