// `backup`: writes a copy of the SQLite file, through the service or, while that is stopped, by itself.

import { constants } from 'node:fs';
import { access, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { addBrokerOptions, checkFile, openBroker, readBroker, type BrokerOptions } from '../broker.ts';
import { CliError } from '../errors.ts';
import type { Io } from '../io.ts';
import { addServiceOptions, openService, type ServiceOptions } from '../service.ts';

interface BackupOptions extends ServiceOptions, BrokerOptions {
  /** Opens the file itself instead of asking the service. */
  readonly local?: boolean;
  /** Replaces a file that exists. */
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Writes bytes to a new file and syncs it. Returns their number. */
async function save(content: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    // It writes all. `file.write` may write a part, without an error, when the disk becomes full.
    await writeFile(file, content);
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function fetchCopy(part: string, options: BackupOptions, io: Io): Promise<number> {
  const { api } = openService(options, io.env, { timeoutMs: null });
  const content = await api.getBrokerBackup();
  return save(content, part);
}

async function makeCopy(part: string, options: BackupOptions, io: Io): Promise<number> {
  const configured = await readBroker(options, io);
  checkFile(configured.url);
  const { Inspector } = await import('@task-center/engine');
  const broker = await openBroker(configured, 'make the copy');
  try {
    return (await new Inspector(broker).backup(part)).bytes;
  } finally {
    await broker.close();
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path, constants.F_OK).then(
    () => true,
    () => false,
  );

/** Makes the new name durable. */
async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file appears under its name when it is whole. */
async function backUp(file: string, options: BackupOptions, io: Io): Promise<void> {
  const path = resolve(file);
  if (!options.force && (await isThere(path)))
    throw new CliError(`${path} exists. Name another file, or replace it with --force.`);
  const part = `${path}.part-${process.pid}`;
  try {
    const bytes = await (options.local ? makeCopy : fetchCopy)(part, options, io);
    await rename(part, path);
    await syncFolder(dirname(path));
    io.out(options.json ? JSON.stringify({ path, bytes }) : `${path}  ${bytes} bytes`);
  } finally {
    await rm(part, { force: true });
  }
}

const EXAMPLE = `
The service goes on meanwhile. While it is stopped, add --local, or copy the file together with the file
beside it that ends in -wal, if there is one. To restore, stop the service and put the copy in the place of
its file; see docs/backup.md. Redis makes its own backups.

Examples:
  task-center backup /backups/tasks.db
  task-center backup /backups/tasks.db --force --json
  task-center backup /backups/tasks.db --local`;

/** Adds `backup`. */
export function addBackup(program: Command, io: Io): void {
  const command = program
    .command('backup <file>')
    .description('write a copy of the SQLite file, also while it is in use')
    .option('--force', 'replace a file that exists')
    .option('--local', 'open the file itself, while the service is stopped')
    .option('--json', 'print the path and the size as JSON')
    .addHelpText('after', EXAMPLE);
  addBrokerOptions(addServiceOptions(command)).action((file: string, options: BackupOptions) =>
    backUp(file, options, io),
  );
}
