/** Reads and writes the file of the first key. */
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseApiKey, type ApiKey } from '@task-center/api';
import { makeFolder } from '@task-center/engine';
import { ConfigError } from '../config/config.ts';
import { systemFault } from '../system-fault.ts';

const systemErrorCode = (error: unknown) => (error as NodeJS.ErrnoException).code;

/**
 * Reads a key file; null = the file does not exist.
 *
 * @throws ConfigError the file holds something else, or cannot be read.
 */
export async function readKeyFile(path: string): Promise<ApiKey | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    const message = `The key file ${path} cannot be read: ${systemFault(error, path)}. Name another by key_file.`;
    throw new ConfigError(message, [], { cause: error });
  }
  const key = parseApiKey(text.trim());
  if (key !== null) return key;
  throw new ConfigError(
    `The file ${path} does not hold an API key. Move it away, or name another by key_file.`,
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives the complete file its final name; false = another process created that file first. */
async function publish(temporary: string, path: string): Promise<boolean> {
  try {
    // `link` never replaces a file: two instances that share a folder end with one key.
    await link(temporary, path);
    await rm(temporary, { force: true });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    // The file system has no hard links.
    await rename(temporary, path);
    return true;
  }
}

/**
 * Writes a key to a new file of mode 0600, completely or not at all.
 *
 * @returns false = the file exists already.
 * @throws ConfigError the folder cannot be written to.
 */
export async function writeKeyFile(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    makeFolder(dirname(path));
    await writeDurably(temporary, `${text}\n`);
    return await publish(temporary, path);
  } catch (error) {
    const message = `The key file ${path} cannot be written: ${systemFault(error, path)}. Set data_dir or key_file.`;
    throw new ConfigError(message, [], { cause: error });
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Removes a key file; succeeds if there is none. */
export async function removeKeyFile(path: string): Promise<void> {
  await rm(path, { force: true });
}
