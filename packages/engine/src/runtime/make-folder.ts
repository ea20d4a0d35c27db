import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Creates a folder and its missing parents, accessible to this user alone. An existing folder stays as it is. The
 * recursive `mkdir` of Node 20 never returns below `/proc`, so it is not used.
 *
 * @throws Error with the system's `code`, such as `ENOTDIR`, `EEXIST` (the path is a file), `EACCES` or `ENOENT`
 */
export function makeFolder(path: string): void {
  const folder = resolve(path);
  const parent = dirname(folder);
  if (parent !== folder && !existsSync(parent)) makeFolder(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || !existsSync(`${folder}/.`)) throw error;
  }
}
