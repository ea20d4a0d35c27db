/**
 * Shortages: a machine may run out of disk space or file descriptors. Then many operations fail, again and again. The log has one
 * error line when a shortage begins and one when it has ended. Other lines with the same cause are left out and counted.
 */
import { closeSync, openSync, statfsSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Clock, Log } from '@task-center/engine';

/** Time between two checks for the end of a shortage, ms. */
const LOOK_MS = 1_000;
/** A shortage has ended when this number of checks in a row are good: descriptors come and go. */
const GOOD_LOOKS = 3;
/** Free disk space at which a shortage has ended. SQLite's disk reserve alone takes 4 MiB. */
const MIN_FREE_BYTES = 8 * 1_024 * 1_024;
/** How deep the chain of an error's causes is searched. */
const MAX_CAUSES = 4;

/** `broker-full` is an error of the engine, and the problem that it is answered with. */
const ROOM_CODES = new Set(['broker-full', 'ENOSPC', 'EDQUOT']);
const DESCRIPTOR_CODES = new Set(['EMFILE', 'ENFILE']);

type Kind = 'room' | 'descriptors';

const SHORTAGE_TEXTS: Readonly<Record<Kind, { readonly begun: string; readonly ended: string }>> = {
  room: {
    begun: 'the disk or the memory of the broker is full: new tasks are refused until it has room',
    ended: 'the broker has room again',
  },
  descriptors: {
    begun:
      'no file descriptors are left: connections and files cannot be opened; raise the limit (ulimit -n)',
    ended: 'there are file descriptors again',
  },
};

/** Which shortage an error comes from; null = none. */
function kindOf(error: unknown): Kind | null {
  let at = error;
  for (let depth = 0; depth < MAX_CAUSES && typeof at === 'object' && at !== null; depth += 1) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (ROOM_CODES.has(String(code))) return 'room';
    if (DESCRIPTOR_CODES.has(String(code))) return 'descriptors';
    at = cause;
  }
  return null;
}

function lacksDescriptors(): unknown {
  try {
    closeSync(openSync(devNull, 'r'));
    return null;
  } catch (error) {
    return kindOf(error) === 'descriptors' ? error : null;
  }
}

/** Whether the disk of a folder has room; null = it cannot be said. */
function hasRoom(folder: string): boolean | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= MIN_FREE_BYTES;
  } catch {
    return null;
  }
}

/** A shortage that has begun. */
interface Current {
  readonly sinceMs: number;
  suppressed: number;
  goodLooks: number;
}

export interface ShortagesDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** The folder of the broker's file. Null = it has no file; its shortage has ended when it has stored something. */
  readonly folder: string | null;
}

export class Shortages {
  /** The same log, without the lines that a shortage causes. */
  readonly log: Log;
  readonly #deps: ShortagesDeps;
  readonly #current = new Map<Kind, Current>();
  #timer: ReturnType<Clock['every']> | undefined;

  constructor(deps: ShortagesDeps) {
    this.#deps = deps;
    const { log } = deps;
    const at = (level: 'warn' | 'error') => (fields: Readonly<Record<string, unknown>>, message: string) => {
      if (!this.note(fields['err'])) log[level](fields, message);
    };
    this.log = {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      warn: at('warn'),
      error: at('error'),
    };
  }

  start(): void {
    this.#timer = this.#deps.clock.every(LOOK_MS, () => this.#look()).unref();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Whether the error comes from a shortage, which is then logged, unless it has been already. */
  note(error: unknown): boolean {
    const kind = kindOf(error);
    if (kind === null) return false;
    const current = this.#current.get(kind);
    if (current) {
      current.suppressed += 1;
      current.goodLooks = 0;
      return true;
    }
    this.#current.set(kind, { sinceMs: this.#deps.clock.monotonicMs(), suppressed: 0, goodLooks: 0 });
    this.#deps.log.error({ err: error }, SHORTAGE_TEXTS[kind].begun);
    return true;
  }

  /** The broker has stored something: it has room. */
  onStored(): void {
    if (this.#current.size > 0) this.#end('room');
  }

  #look(): void {
    const lack = lacksDescriptors();
    if (lack !== null) this.note(lack);
    else this.#onGoodLook('descriptors');
    const { folder } = this.#deps;
    if (folder !== null && this.#current.has('room') && hasRoom(folder)) this.#onGoodLook('room');
  }

  #onGoodLook(kind: Kind): void {
    const current = this.#current.get(kind);
    if (current && (current.goodLooks += 1) >= GOOD_LOOKS) this.#end(kind);
  }

  #end(kind: Kind): void {
    const current = this.#current.get(kind);
    if (!current) return;
    this.#current.delete(kind);
    const duration_ms = Math.round(this.#deps.clock.monotonicMs() - current.sinceMs);
    this.#deps.log.error({ duration_ms, suppressed: current.suppressed }, SHORTAGE_TEXTS[kind].ended);
  }
}
