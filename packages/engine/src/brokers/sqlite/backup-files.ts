// The names of copies that the service makes beside the file while it sends them.
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const backupPrefix = (path: string): string => `${path}-backup-`;

/** Removes the copies that an earlier process was making when it died. */
export function removeLeftovers(path: string): void {
  const prefix = basename(backupPrefix(path));
  for (const name of readdirSync(dirname(path)))
    if (name.startsWith(prefix)) rmSync(join(dirname(path), name), { force: true });
}
