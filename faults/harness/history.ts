import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A task's payload: what its handler does, in the order of the keys. See `programs/worker.mjs`. */
export interface Does {
  /** Sleeps, ms; stops at once when the signal aborts. */
  readonly ms?: number;
  /** Fails until the task was retried this many times. */
  readonly fail?: number;
  /** Keeps sleeping for `ms` although the signal aborts. */
  readonly ignoreAbort?: boolean;
  /** Blocks the event loop with a busy loop, ms. */
  readonly block?: number;
  /** Does everything but `ms` in the first attempt only. */
  readonly once?: boolean;
  /** Cancels the task of the same producer whose number is this much higher; 0 = itself. */
  readonly cancel?: number;
  /** Never settles. */
  readonly hang?: boolean;
  /** SIGKILLs its own process. */
  readonly kill?: boolean;
  /** `process.exit` with this code. */
  readonly exit?: number;
  /** Allocates memory until the process dies. */
  readonly oom?: boolean;
  /** Throws an error with this text. */
  readonly throw?: string;
  /** Throws an unusual value; see `UNUSUAL_VALUES` in `programs/worker.mjs`. */
  readonly throwUnusual?: string;
  /** Throws outside of the handler, with this text. */
  readonly uncaught?: string;
  /** Leaves an unhandled rejection with this text. */
  readonly unhandled?: string;
  /** Makes the payload larger. */
  readonly filler?: string;
}

/** As in the event `attempt.finished`. */
type AttemptOutcome = 'succeeded' | 'failed' | 'archived' | 'revoked' | 'deferred' | 'cancelled' | 'lost';

interface At {
  /** ms of CLOCK_MONOTONIC, which all processes of the machine share. */
  readonly t: number;
  /** The process that wrote it. */
  readonly member: string;
}

type Of<E extends string, Fields> = At & { readonly e: E } & Readonly<Fields>;
type Ran = { id: string; attempt: number };

/** An event in the history of a member or of the test itself (member `test`). */
export type Line =
  | Of<'call', { id: string; queue: string; maxRetries: number; does: Does }>
  | Of<'ack', { id: string }>
  | Of<'refused' | 'unknown', { id: string; code: string }>
  | Of<'produced', unknown>
  | Of<'working', { leaseMs: number }>
  | Of<'start', Ran & { queue: string }>
  /** The handler starts an action of its payload other than `ms`. */
  | Of<'action', Ran & { what: string }>
  | Of<'end', Ran & { outcome: 'ok' | 'fail' | 'aborted' }>
  | Of<'abort', Ran & { cause: string }>
  /** The broker answered the end of an attempt. `lost` = it refused it. */
  | Of<'finished', Ran & { outcome: AttemptOutcome }>
  /** All leases of a queue were renewed by a call that began at `since`, `gapMs` after the one before (0 = the first). */
  | Of<'renewed', { since: number; leases: number; queue: string; gapMs: number }>
  /** All leases were released at `at`, as the event loop had hung for `stallMs`. */
  | Of<'released', { at: number; leases: number; stallMs: number }>
  /** The event loop runs again after it hung for `stallMs`. */
  | Of<'stalled', { stallMs: number; attempts: number }>
  /** An event of the engine. */
  | Of<'event', { name: string; id?: string; recovered?: number }>
  | Of<'logged', { level: string; message: string; err?: string }>
  | Of<'crash', { origin: string; error: string }>
  | Of<'remaining', { tasks: number }>
  /** The tasks of a fire were stored, which was decided `lateMs` after its time. `schedule`: its stored name. */
  | Of<'fired', { schedule: string; outcome: string; fireMs: number; lateMs: number; taskId: string }>
  /** A schedule was edited or replaced. */
  | Of<'edited', unknown>
  /** Fires of a schedule were left out. */
  | Of<'left-out', { schedule: string; outcome: string; count: number; fromMs: number; toMs: number }>
  | Of<'closed', { rss: number }>
  /** The test caused or ended a fault; `of` = the members that it hit. */
  | Of<'fault' | 'heal', { what: string; of: readonly string[] }>
  /** A member ended; `isRequested` = the test killed or stopped it. */
  | Of<'exit', { of: string; code: number | null; signal: string | null; isRequested: boolean }>;

/** CLOCK_MONOTONIC in ms, the clock of the histories. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

const POLL_MS = 20;
const CHUNK = 1 << 20;

/** Reads the history file of a member while it grows. */
export class History {
  readonly lines: Line[] = [];
  readonly #path: string;
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what was appended and returns all lines. A last line that a kill cut off is left out. */
  read(): readonly Line[] {
    const file = openSync(this.#path, 'a+');
    const chunk = Buffer.alloc(CHUNK);
    try {
      for (;;) {
        const count = readSync(file, chunk, 0, CHUNK, this.#offset);
        if (count === 0) break;
        this.#offset += count;
        const texts = (this.#rest + chunk.toString('latin1', 0, count)).split('\n');
        this.#rest = texts.pop() ?? '';
        for (const text of texts) this.lines.push(JSON.parse(text) as Line);
      }
    } finally {
      closeSync(file);
    }
    return this.lines;
  }
}

/** Polls until `holds` is true. @throws Error with `what` after `limitMs`, 30 s by default */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { what, limitMs = 30_000 }: { readonly what: string; readonly limitMs?: number },
): Promise<void> {
  const end = now() + limitMs;
  while (!(await holds())) {
    if (now() > end) throw new Error(`timed out after ${limitMs} ms waiting until ${what}`);
    await sleep(POLL_MS);
  }
}
