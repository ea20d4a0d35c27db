/** Copies of everything that a broker stores, for keeping. */
import { constants } from 'node:fs';
import { access, link, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Backup, BackupFile, BackupOptions } from '../broker/backup.ts';
import type { Broker } from '../broker/broker.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { abortSignal, filledText } from '../checks/values.ts';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';
import { newUuid } from '../runtime/ids.ts';
import { facetsOf } from './arguments.ts';

/** A copy to be read once, from its start to its end. */
export interface OpenBackup {
  readonly bytes: number;
  /** To be read to its end or destroyed; the copy is then gone. */
  readonly content: Readable;
}

const checkBackupOptions = createOptionsCheck<BackupOptions>('backup', { signal: abortSignal });

/** @throws TaskCenterError `invalid-value`, `not-supported` */
function requireBackup(broker: Broker): Backup {
  // `backup` is null in some brokers, so another facet must tell that this is one.
  facetsOf(broker, 'inspect');
  const { backup, name } = broker;
  if (backup) return backup;
  throw new TaskCenterError('not-supported', {
    broker: name,
    what: 'write a backup of itself',
    instead:
      'Copy the RDB file that BGSAVE writes, or the folder of the append-only file, on each server; see docs/backup.md.',
  });
}

const isThere = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

const pathTaken = (path: string) => invalidValue('path', path, 'a file that does not exist yet');

/** Gives a file its name, unless that is taken. */
async function nameFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw pathTaken(to);
    // Some file systems have no links.
    if (await isThere(to)) throw pathTaken(to);
    await rename(from, to);
  }
}

/** Makes the name of a new file durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Windows cannot sync folders.
    if (process.platform !== 'win32') throw error;
  } finally {
    await folder.close();
  }
}

/**
 * Writes a copy to a new file, which appears when it is whole and synced.
 *
 * @throws TaskCenterError `not-supported`, `invalid-value`, `broker-full`
 */
export async function writeBackup(
  broker: Broker,
  path: string,
  options: BackupOptions = {},
): Promise<BackupFile> {
  filledText(path, 'path');
  checkBackupOptions(options);
  const backup = requireBackup(broker);
  const target = resolve(path);
  if (await isThere(target)) throw pathTaken(target);
  const part = await backup.writeTo(`${target}.part-${newUuid()}`, options);
  try {
    await nameFile(part.path, target);
  } catch (error) {
    await rm(part.path, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
  return { path: target, bytes: part.bytes };
}

/**
 * Makes a copy beside the stored data and opens it for reading. It has no name any more then, and needs no cleaning up.
 *
 * @throws TaskCenterError `not-supported`, `invalid-value`, `broker-full`
 */
export async function openBackup(broker: Broker, options: BackupOptions = {}): Promise<OpenBackup> {
  checkBackupOptions(options);
  const { path, bytes } = await requireBackup(broker).writeBeside(options);
  try {
    const file = await open(path, 'r');
    return { bytes, content: file.createReadStream() };
  } finally {
    await rm(path, { force: true });
  }
}
