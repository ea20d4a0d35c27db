import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a task's payload makes its handler do, one after the other in the order of its keys; see `programs/worker.mjs`. */
export interface Does {
  /** Takes so long, ms; ends at once when its signal aborts. */
  readonly ms?: number;
  /** Fails until it was retried so often. */
  readonly fail?: number;
  /** Goes on for its `ms` all the same. */
  readonly ignoreAbort?: boolean;
  /** Busy loop, ms. */
  readonly block?: number;
  /** What follows, in the first attempt only. */
  readonly once?: boolean;
  /** Never settles. */
  readonly hang?: boolean;
  /** SIGKILLs its own process. */
  readonly kill?: boolean;
  /** `process.exit` with this code. */
  readonly exit?: number;
  /** Takes memory until the process dies of it. */
  readonly oom?: boolean;
  /** Throws an error with this text. */
  readonly throw?: string;
  /** Throws what hardly anybody expects; see `ODDITIES` in `programs/worker.mjs`. */
  readonly odd?: string;
  /** Throws outside the handler. */
  readonly uncaught?: string;
  /** Leaves a rejected promise behind. */
  readonly unhandled?: string;
  /** Anything else, to make it large. */
  readonly filler?: string;
}

interface At {
  /** ms of CLOCK_MONOTONIC: the same clock in all processes. */
  readonly t: number;
  /** The process. */
  readonly member: string;
}

type Of<E extends string, Fields> = At & { readonly e: E } & Readonly<Fields>;
type Ran = { id: string; attempt: number };

/** An event of a member's history, or of the test's own (member `test`). */
export type Line =
  | Of<'call', { id: string; queue: string; maxRetries: number; does: Does }>
  | Of<'ack', { id: string }>
  | Of<'refused' | 'unknown', { id: string; code: string }>
  | Of<'produced', unknown>
  | Of<'working', { leaseMs: number }>
  | Of<'start', Ran & { queue: string }>
  /** It begins to do what is not just taking its time. */
  | Of<'deed', Ran & { what: string }>
  | Of<'end', Ran & { outcome: 'ok' | 'fail' | 'aborted' }>
  | Of<'abort', Ran & { cause: string }>
  /** What the broker took of it. */
  | Of<'told', Ran & { outcome: 'succeeded' | 'failed' | 'archived' | 'revoked' | 'deferred' | 'lost' }>
  /** All leases of a queue were renewed by a call that began at `since`, `gapMs` after the one before; 0 = there was none. */
  | Of<'renewed', { since: number; leases: number; queue: string; gapMs: number }>
  /** All leases were given up at this time, as the event loop had hung for so long. */
  | Of<'released', { at: number; leases: number; stallMs: number }>
  /** The event loop hung for so long and goes on. */
  | Of<'stalled', { stallMs: number; attempts: number }>
  /** One of the engine's events, with its fields. */
  | Of<'event', { name: string; id?: string; recovered?: number }>
  | Of<'said', { level: string; message: string; err?: string }>
  | Of<'crash', { origin: string; error: string }>
  | Of<'left', { tasks: number }>
  | Of<'closed', { rss: number }>
  /** The test did this; `of` = to these members. */
  | Of<'fault' | 'heal', { what: string; of: readonly string[] }>
  /** A member is gone; `asked` = the test did it. */
  | Of<'exit', { of: string; code: number | null; signal: string | null; asked: boolean }>;

/** CLOCK_MONOTONIC in ms, as in the members' histories. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

const LOOK_MS = 20;
const CHUNK = 1 << 20;

/** A member's file, read as it grows. */
export class History {
  readonly lines: Line[] = [];
  readonly #path: string;
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads what has come since. A last line that a kill cut in two is left out. */
  read(): readonly Line[] {
    const file = openSync(this.#path, 'a+');
    const chunk = Buffer.alloc(CHUNK);
    try {
      for (;;) {
        const count = readSync(file, chunk, 0, CHUNK, this.#offset);
        if (count === 0) break;
        this.#offset += count;
        const parts = (this.#rest + chunk.toString('latin1', 0, count)).split('\n');
        this.#rest = parts.pop() ?? '';
        for (const part of parts) this.lines.push(JSON.parse(part) as Line);
      }
    } finally {
      closeSync(file);
    }
    return this.lines;
  }
}

/** Waits until it holds. @throws Error with `what` when that takes longer than `limitMs` */
export async function until(
  holds: () => boolean | Promise<boolean>,
  { what, limitMs = 30_000 }: { readonly what: string; readonly limitMs?: number },
): Promise<void> {
  const end = now() + limitMs;
  while (!(await holds())) {
    if (now() > end) throw new Error(`within ${limitMs} ms it did not come true that ${what}`);
    await sleep(LOOK_MS);
  }
}
