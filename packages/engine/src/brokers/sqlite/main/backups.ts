// The backup facet on the main thread: names the files, and has the writer thread write them.
import type { Backup } from '../../../broker/backup.ts';
import { invalidValue, type TaskCenterError } from '../../../errors/task-center-error.ts';
import { fromWire } from '../errors.ts';
import type { BackupAnswer, ToWriter } from '../messages.ts';
import { backupPrefix } from '../thread/backup.ts';

interface WaitingBackup {
  resolve(bytes: number): void;
  reject(error: unknown): void;
}

/** Orders to the writer thread, and their answers. */
export class RemoteBackups {
  readonly #post: (message: ToWriter) => void;
  readonly #waiting = new Map<number, WaitingBackup>();
  #lastId = 0;

  constructor(post: (message: ToWriter) => void) {
    this.#post = post;
  }

  /** Has a copy written to a new file. Resolves to its size. */
  async write(path: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const id = (this.#lastId += 1);
    const cancel = () => this.#post({ kind: 'backup', id, path: null });
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await new Promise<number>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#post({ kind: 'backup', id, path });
      });
    } catch (error) {
      // A copy that is not wanted any more has been removed when this is known.
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  receive({ id, result }: BackupAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if ('bytes' in result) waiting?.resolve(result.bytes);
    else waiting?.reject(fromWire(result.error));
  }

  /** Called when the thread has ended. */
  rejectAll(error: TaskCenterError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

export interface BackupDeps {
  /** Path of the database. */
  readonly path: string;
  newId(): string;
  write(path: string, signal?: AbortSignal): Promise<number>;
}

export function createBackup({ path, newId, write }: BackupDeps): Backup {
  const writeTo: Backup['writeTo'] = async (target, { signal } = {}) => {
    // Null would cancel a copy, and the call would wait for ever.
    if (typeof target !== 'string') throw invalidValue('path', target, 'the path of a new file');
    return { path: target, bytes: await write(target, signal) };
  };
  return { writeTo, writeBeside: (options) => writeTo(`${backupPrefix(path)}${newId()}`, options) };
}
