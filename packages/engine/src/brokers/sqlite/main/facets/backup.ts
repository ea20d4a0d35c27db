// The backup facet on the main thread: names the files, and has the writer thread write them.
import type { Backup } from '../../../../broker/backup.ts';
import { backupPrefix } from '../../backup-files.ts';
import type { Writer } from '../writer.ts';

export function createBackup(writer: Writer, path: string, newId: () => string): Backup {
  const writeTo: Backup['writeTo'] = async (target, { signal } = {}) => ({
    path: target,
    bytes: await writer.backUp(target, signal),
  });
  return { writeTo, writeBeside: (options) => writeTo(`${backupPrefix(path)}${newId()}`, options) };
}
