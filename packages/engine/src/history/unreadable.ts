import type { Log } from '../runtime/log.ts';
import { PackedError } from './packed.ts';

/**
 * Reads stored history. What cannot be read, since it is damaged or a later version wrote it, is left out: it must stop neither those
 * who write nor those who read. It is said once of each kind.
 */
export class Unreadable {
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** What `read` returns; null = it cannot be read. */
  read<T>(kind: string, read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof PackedError)) throw error;
      if (!this.#told.has(kind)) {
        this.#told.add(kind);
        this.#log.warn(
          { err: error },
          `${kind} of the history cannot be read and is left out; more of them are not told of`,
        );
      }
      return null;
    }
  }
}
