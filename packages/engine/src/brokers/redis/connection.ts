import { ErrorReply } from '@redis/client';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { causeOf, refusal, troubleOf } from './errors.ts';
import { LinkLost, type Link } from './link.ts';
import type { LuaSource, RedisArg, Script } from './script.ts';
import { createTicker, type Ticker } from './ticker.ts';
import { Uplink } from './uplink.ts';
import type { RedisTarget } from './url.ts';

export interface RunOptions {
  /**
   * Keep repeating until it aborts; without it the call ends within 5 s in all. A call whose answer is on the way
   * when it aborts may take up to 1 s more, so that what it did is not lost.
   */
  readonly signal?: AbortSignal;
  /** A limit shorter than the 5 s, ms. */
  readonly limitMs?: number;
}

/** A script's reply, and the one to the command that was to confirm it; null = that command was refused. */
export interface Confirmed<R> {
  readonly reply: R;
  readonly confirmed: unknown;
}

export interface RedisConnection {
  /**
   * Runs a script. A call in doubt (connection lost, no answer in time) is repeated on a new connection, so every
   * script must be safe to repeat: receipts, or nothing but reads. ARGV[1] is `now`: `0` = Redis' TIME, else ms.
   *
   * @throws TaskCenterError `broker-unavailable`, `broker-full`, `broker-refused`, `broker-closed`
   */
  run<C, R>(script: Script<C, R>, call: C, options?: RunOptions): Promise<R>;
  /**
   * The same, with a command right behind the script on the same link: only there `WAIT` and `WAITAOF` speak of what
   * the script wrote.
   */
  runConfirmed<C, R>(
    script: Script<C, R>,
    call: C,
    options: RunOptions & { readonly confirm: readonly RedisArg[] },
  ): Promise<Confirmed<R>>;
  /** A plain command that is safe to repeat. Blob strings come back as Buffers, maps as flat arrays. */
  command(args: readonly RedisArg[], options?: RunOptions): Promise<unknown>;
  /** The URL without its password. */
  readonly name: string;
  /** The time that tests set; null = Redis' own. */
  nowMs(): number | null;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  readonly nowMs?: () => number | null;
}

interface Call {
  /** Number of the call: repeats keep the order. */
  readonly order: number;
  /** With a script: what follows the SHA or the text. */
  readonly args: readonly RedisArg[];
  readonly lua: LuaSource | null;
  /** A command that follows on the same link; then the reply is `[reply, its reply]`. */
  readonly confirm: readonly RedisArg[] | null;
  readonly signal: AbortSignal | undefined;
  leftMs: number;
  /** An attempt may have reached Redis without our hearing of it. */
  inDoubt: boolean;
  sent: boolean;
  /** Times that Redis asked to come back later. */
  rests: number;
  rest: NodeJS.Timeout | undefined;
  /** The last such reason. */
  cause: string | null;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

/** With the time that ticks and timers take on top, a call ends within 5 s. */
export const LIMIT_MS = 4_500;
const AFTER_ABORT_MS = 1_000;
/** Calls under way or waiting; more are refused at once. */
const MOST_CALLS = 10_000;
const FIRST_REST_MS = 20;
const LONGEST_REST_MS = 500;

async function sendBoth(
  link: Link,
  first: readonly RedisArg[],
  second: readonly RedisArg[],
): Promise<[unknown, unknown]> {
  const replying = link.send(first);
  const confirming = link.send(second).catch((error: unknown) => {
    if (error instanceof ErrorReply) return null;
    throw error;
  });
  return Promise.all([replying, confirming]);
}

class Calls implements RedisConnection {
  readonly name: string;
  readonly nowMs: () => number | null;
  readonly #random: () => number;
  readonly #uplink: Uplink;
  readonly #ticker: Ticker;
  readonly #calls = new Set<Call>();
  #waiting: Call[] = [];
  /** SHAs that the current link's server has been given. */
  #known = new Set<string>();
  #order = 0;
  #closed = false;

  constructor({ target, runtime, nowMs }: ConnectionOptions) {
    this.name = target.name;
    this.nowMs = nowMs ?? (() => null);
    this.#random = runtime.random;
    this.#ticker = createTicker(runtime.clock, (awakeMs) => this.#tick(awakeMs));
    this.#uplink = new Uplink({
      target,
      runtime,
      wanted: () => this.#waiting.length > 0,
      onUp: () => this.#onUp(),
      onRefused: (reply) => this.#rejectWaiting(reply),
    });
  }

  async run<C, R>(script: Script<C, R>, call: C, options: RunOptions = {}): Promise<R> {
    return script.reply(await this.#submit(this.#scriptArgs(script, call), script.lua, options), call);
  }

  async runConfirmed<C, R>(
    script: Script<C, R>,
    call: C,
    options: RunOptions & { readonly confirm: readonly RedisArg[] },
  ): Promise<Confirmed<R>> {
    const args = this.#scriptArgs(script, call);
    const [raw, confirmed] = (await this.#submit(args, script.lua, options)) as [unknown, unknown];
    return { reply: script.reply(raw, call), confirmed };
  }

  command(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown> {
    return this.#submit(args, null, options);
  }

  async ping(): Promise<void> {
    await this.command(['PING']);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#uplink.close();
    this.#ticker.stop();
    for (const call of this.#calls) this.#settle(call).reject(this.#closedError());
  }

  #scriptArgs<C, R>(script: Script<C, R>, call: C): RedisArg[] {
    const keys = script.keys(call);
    const args: RedisArg[] = [String(keys.length), ...keys, String(this.nowMs() ?? 0)];
    for (const arg of script.args(call)) args.push(typeof arg === 'number' ? String(arg) : arg);
    return args;
  }

  #submit(
    args: readonly RedisArg[],
    lua: LuaSource | null,
    options: RunOptions & { readonly confirm?: readonly RedisArg[] },
  ): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (options.signal?.aborted) return Promise.reject(this.#unavailable('the caller gave it up'));
    if (this.#calls.size >= MOST_CALLS)
      return Promise.reject(this.#unavailable('too many calls wait for it'));
    return new Promise((resolve, reject) => {
      this.#order += 1;
      const call: Call = {
        order: this.#order,
        args,
        lua,
        confirm: options.confirm ?? null,
        signal: options.signal,
        leftMs: options.limitMs ?? (options.signal ? Infinity : LIMIT_MS),
        inDoubt: false,
        sent: false,
        rests: 0,
        rest: undefined,
        cause: null,
        resolve,
        reject,
      };
      this.#calls.add(call);
      this.#ticker.start();
      this.#enqueue(call);
    });
  }

  /** Sends the call now, or as soon as there is a link. */
  #enqueue(call: Call): void {
    const { link } = this.#uplink;
    if (link && this.#waiting.length === 0) return void this.#send(call, link);
    this.#waiting.push(call);
    this.#uplink.want();
  }

  #onUp(): void {
    this.#known = new Set();
    const waiting = this.#waiting.sort((a, b) => a.order - b.order);
    this.#waiting = [];
    for (const call of waiting) this.#enqueue(call);
  }

  async #send(call: Call, link: Link, withText = false): Promise<void> {
    call.sent = true;
    try {
      const wire = this.#wire(call, withText);
      const reply = await (call.confirm ? sendBoth(link, wire, call.confirm) : link.send(wire));
      if (this.#calls.has(call)) this.#settle(call).resolve(reply);
    } catch (error) {
      call.sent = false;
      if (error instanceof LinkLost) call.inDoubt = true;
      if (this.#calls.has(call)) this.#onFailure(call, link, error);
    }
  }

  /** A script's text goes over each link once; so its calls keep their order also after a restart of Redis. */
  #wire({ lua, args }: Call, withText: boolean): readonly RedisArg[] {
    if (!lua) return args;
    if (!withText && this.#known.has(lua.sha1)) return ['EVALSHA', lua.sha1, ...args];
    this.#known.add(lua.sha1);
    return ['EVAL', lua.text, ...args];
  }

  #onFailure(call: Call, link: Link, error: unknown): void {
    if (error instanceof LinkLost) return this.#enqueue(call);
    if (!(error instanceof ErrorReply)) return this.#settle(call).reject(error);
    const trouble = troubleOf(error);
    if (trouble === 'send-text' && call.lua) return void this.#send(call, link, true);
    if (trouble !== 'wait') return this.#settle(call).reject(refusal(this.name, error));
    call.cause = causeOf(error);
    const longest = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(call.rests, 10));
    call.rests += 1;
    call.rest = setTimeout(() => this.#enqueue(call), longest * (0.5 + this.#random() / 2));
  }

  /** Takes the call out of the books; the caller resolves or rejects it. */
  #settle(call: Call): Call {
    this.#calls.delete(call);
    clearTimeout(call.rest);
    return call;
  }

  #tick(awakeMs: number): void {
    if (this.#calls.size === 0) return this.#ticker.stop();
    let left = false;
    for (const call of this.#calls) {
      if (call.signal?.aborted) call.leftMs = call.sent ? Math.min(call.leftMs, AFTER_ABORT_MS) : 0;
      call.leftMs -= awakeMs;
      if (call.leftMs > 0) continue;
      left = true;
      this.#settle(call).reject(this.#gaveUp(call));
    }
    if (left) this.#waiting = this.#waiting.filter((call) => this.#calls.has(call));
  }

  #gaveUp(call: Call): TaskCenterError {
    const cause = (call.sent ? null : (call.cause ?? this.#uplink.cause)) ?? 'no answer in time';
    return this.#unavailable(cause, call.sent || call.inDoubt ? 'unknown' : 'not_stored');
  }

  #rejectWaiting(reply: Error): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#settle(call).reject(refusal(this.name, reply));
  }

  #unavailable(cause: string, outcome: 'not_stored' | 'unknown' = 'not_stored'): TaskCenterError {
    return new TaskCenterError('broker-unavailable', { broker: this.name, outcome, cause });
  }

  #closedError(): TaskCenterError {
    return new TaskCenterError('broker-closed', { broker: this.name });
  }
}

/** A connection for calls; it connects with the first one. */
export function createConnection(options: ConnectionOptions): RedisConnection {
  return new Calls(options);
}
