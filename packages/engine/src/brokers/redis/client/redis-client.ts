import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf, refusal, refusesUser, troubleOf, ErrorReply } from './error-replies.ts';
import type { Call } from './call.ts';
import { Lane } from './node-pipeline.ts';
import { LinkLost, type Link } from './connection.ts';
import { keyOf, moveIn, type Move } from './redirects.ts';
import type { LuaSource, RedisArg, Script } from './script.ts';
import { createTicker, type Ticker } from './ticker.ts';
import { tagOf } from './topology/slots.ts';
import { createTopology } from './topology/create-topology.ts';
import type { Topology } from './topology/topology.ts';
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
  /** The same command on every server that has keys; one reply for each. */
  everywhere(args: readonly RedisArg[], options?: RunOptions): Promise<unknown[]>;
  /** The URL without its password. */
  readonly name: string;
  /** Whether all keys of a script must have one hash tag. */
  readonly clustered: boolean;
  /** The time that tests set; null = Redis' own. */
  nowMs(): number | null;
  ping(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  /** Shared by all connections of a broker, which then closes it. Default: its own. */
  readonly topology?: Topology;
  readonly nowMs?: () => number | null;
}

/** With the time that ticks and timers take on top, a call ends within 5 s. */
export const LIMIT_MS = 4_500;
const AFTER_ABORT_MS = 1_000;
/** Calls under way or waiting; more are refused at once. */
const MAX_CALLS = 10_000;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 500;
/** So often a call follows one server's word to another at once; then it rests in between. */
const MAX_REDIRECTS = 5;

/** What a script's call is made of. */
interface Order {
  readonly args: readonly RedisArg[];
  readonly lua: LuaSource | null;
  readonly key: string | null;
  readonly place?: string;
}

interface Way {
  readonly lane: Lane;
  readonly link: Link;
}

type SubmitOptions = RunOptions & { readonly confirm?: readonly RedisArg[] };

class Calls implements RedisConnection {
  readonly name: string;
  readonly clustered: boolean;
  readonly nowMs: () => number | null;
  readonly #runtime: Runtime;
  readonly #topology: Topology;
  readonly #ownTopology: boolean;
  readonly #ticker: Ticker;
  readonly #calls = new Set<Call>();
  readonly #lanes = new Map<string, Lane>();
  readonly #closing = new AbortController();
  /** Nobody knows yet where they belong. */
  #homeless: Call[] = [];
  #seeking = false;
  #cause: string | null = null;
  #order = 0;

  constructor({ target, runtime, topology, nowMs }: ConnectionOptions) {
    this.name = target.name;
    this.nowMs = nowMs ?? (() => null);
    this.#runtime = runtime;
    this.#ownTopology = topology === undefined;
    this.#topology = topology ?? createTopology(target, runtime);
    this.clustered = this.#topology.clustered;
    this.#topology.onChange(() => this.#reroute());
    this.#ticker = createTicker(runtime.clock, (awakeMs) => this.#tick(awakeMs));
  }

  async run<C, R>(script: Script<C, R>, call: C, options: RunOptions = {}): Promise<R> {
    return script.reply(await this.#submit(this.#scriptOrder(script, call), options), call);
  }

  async runConfirmed<C, R>(
    script: Script<C, R>,
    call: C,
    options: RunOptions & { readonly confirm: readonly RedisArg[] },
  ): Promise<Confirmed<R>> {
    const order = this.#scriptOrder(script, call);
    const [raw, confirmed] = (await this.#submit(order, options)) as [unknown, unknown];
    return { reply: script.reply(raw, call), confirmed };
  }

  command(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown> {
    return this.#submit({ args, lua: null, key: keyOf(args) }, options);
  }

  async everywhere(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown[]> {
    if (this.#topology.places().length === 0) await this.command(['PING'], options);
    const order = { args, lua: null, key: null };
    return Promise.all(this.#topology.places().map((place) => this.#submit({ ...order, place }, options)));
  }

  async ping(): Promise<void> {
    await this.command(['PING']);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { uplink } of this.#lanes.values()) uplink.close();
    if (this.#ownTopology) this.#topology.close();
    this.#ticker.stop();
    for (const call of this.#calls) this.#settle(call).reject(this.#closedError());
  }

  /**
   * In a cluster the last key is one that never exists: while a slot moves, a script over it is refused as a whole
   * (TRYAGAIN), also where every other key it names is there, and never fails half-way at a key that has moved.
   */
  #scriptOrder<C, R>(script: Script<C, R>, call: C): Order {
    const keys = script.keys(call);
    const [key = null] = keys;
    const tag = key === null || !this.clustered ? null : tagOf(key);
    if (tag !== null) keys.push(`tc:{${tag}}:-`);
    const args: RedisArg[] = [String(keys.length), ...keys, String(this.nowMs() ?? 0)];
    for (const arg of script.args(call)) args.push(typeof arg === 'number' ? String(arg) : arg);
    return { args, lua: script.lua, key };
  }

  #submit({ args, lua, key, place }: Order, options: SubmitOptions): Promise<unknown> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closedError());
    if (options.signal?.aborted) return Promise.reject(this.#unavailable('the caller gave it up'));
    if (this.#calls.size >= MAX_CALLS)
      return Promise.reject(this.#unavailable('too many calls wait for it'));
    return new Promise((resolve, reject) => {
      this.#order += 1;
      const call: Call = {
        order: this.#order,
        args,
        lua,
        key,
        place: place ?? null,
        confirm: options.confirm ?? null,
        signal: options.signal,
        leftMs: options.limitMs ?? (options.signal ? Infinity : LIMIT_MS),
        inDoubt: false,
        sent: false,
        asking: null,
        moves: 0,
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

  #placeOf({ place, asking, key }: Call): string | null {
    return place ?? asking ?? (key === null ? this.#anyPlace() : this.#topology.placeOf(key));
  }

  /** What any server can do is not to wait for one that is away. */
  #anyPlace(): string | null {
    const up = this.#topology.places().find((place) => this.#lanes.get(place)?.uplink.link);
    return up ?? this.#topology.placeOf(null);
  }

  /** Sends the call now, or as soon as there is a link to its server. */
  #enqueue(call: Call): void {
    const place = this.#placeOf(call);
    if (place === null) {
      this.#homeless.push(call);
      return void this.#seek();
    }
    const lane = this.#laneTo(place);
    const { link } = lane.uplink;
    if (link && lane.waiting.length === 0) return void this.#send(call, { lane, link });
    lane.waiting.push(call);
    lane.uplink.want();
  }

  #laneTo(place: string): Lane {
    let lane = this.#lanes.get(place);
    if (lane) return lane;
    lane = new Lane(
      {
        topology: this.#topology,
        place,
        runtime: this.#runtime,
        onRefused: (reply) => this.#rejectAll(this.#lanes.get(place)?.release() ?? [], reply),
        onFailed: () => this.#lookAnew(),
      },
      (up) => up.release().forEach((call) => this.#enqueue(call)),
    );
    this.#lanes.set(place, lane);
    return lane;
  }

  /** Servers have come or gone, or what they have: whoever waits looks for its place anew. */
  #reroute(): void {
    const waiting = [...this.#lanes.values()].flatMap((lane) => lane.release());
    waiting.push(...this.#homeless);
    this.#homeless = [];
    const places = new Set(this.#topology.places());
    for (const [place, { uplink }] of this.#lanes) {
      if (places.has(place)) continue;
      this.#lanes.delete(place);
      // Calls that are under way there are in doubt now, and go where their keys are.
      uplink.close();
    }
    for (const call of waiting.sort((a, b) => a.order - b.order)) this.#enqueue(call);
  }

  #lookAnew(): void {
    this.#topology.refresh().catch(() => {});
  }

  /** Looks for the map until everybody has a place. */
  async #seek(): Promise<void> {
    if (this.#seeking) return;
    this.#seeking = true;
    const { signal } = this.#closing;
    for (let tries = 0; this.#homeless.length > 0 && !signal.aborted; tries += 1) {
      if (tries > 0) await this.#runtime.clock.sleep(this.#restMs(tries), signal);
      try {
        await this.#topology.refresh();
        if (this.#homeless.some((call) => this.#placeOf(call) !== null)) this.#reroute();
        else this.#cause = 'no server of the cluster has the slot';
      } catch (error) {
        this.#cause = causeOf(error);
        if (error instanceof ErrorReply && troubleOf(error) !== 'wait')
          this.#rejectAll(this.#homeless.splice(0), error);
      }
    }
    this.#seeking = false;
  }

  async #send(call: Call, { lane, link }: Way, withText = false): Promise<void> {
    call.sent = true;
    try {
      const reply = await lane.transmit(call, link, withText);
      if (this.#calls.has(call)) this.#settle(call).resolve(reply);
    } catch (error) {
      call.sent = false;
      if (error instanceof LinkLost) call.inDoubt = true;
      if (this.#calls.has(call)) this.#onFailure(call, { lane, link }, error);
    }
  }

  #onFailure(call: Call, { lane, link }: Way, error: unknown): void {
    const { asking } = call;
    if (error instanceof ErrorReply && troubleOf(error) === 'send-text' && call.lua)
      return void this.#send(call, { lane, link }, true);
    call.asking = null;
    if (error instanceof LinkLost) return this.#enqueue(call);
    if (!(error instanceof ErrorReply)) return this.#settle(call).reject(error);
    const move = this.clustered ? moveIn(error) : null;
    if (move) return this.#follow(call, move, lane);
    const trouble = troubleOf(error);
    if (trouble !== 'wait') return this.#refuse(call, error);
    if (error.message.startsWith('READONLY') && this.#topology.elects)
      lane.uplink.distrust(link, 'the server is a replica now');
    // While a slot moves nothing else is to be found out.
    if (asking === null && !error.message.startsWith('TRYAGAIN')) this.#lookAnew();
    this.#rest(call, causeOf(error));
  }

  /** A server that redirects has done nothing. */
  #follow(call: Call, { kind, slot, to }: Move, { place }: Lane): void {
    call.moves += 1;
    if (kind === 'ask') call.asking = this.#topology.placeNamed(to, place);
    else this.#topology.moved(slot, to, place);
    if (call.moves % MAX_REDIRECTS === 0)
      this.#rest(call, 'the servers of the cluster send the call to and fro');
    else this.#enqueue(call);
  }

  #rest(call: Call, cause: string): void {
    call.cause = cause;
    call.rests += 1;
    call.rest = setTimeout(() => this.#enqueue(call), this.#restMs(call.rests));
  }

  #restMs(times: number): number {
    const longest = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(times - 1, 10));
    return longest * (0.5 + this.#runtime.random() / 2);
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
    if (!left) return;
    const open = (call: Call): boolean => this.#calls.has(call);
    for (const lane of this.#lanes.values()) lane.waiting = lane.waiting.filter(open);
    this.#homeless = this.#homeless.filter(open);
  }

  #gaveUp(call: Call): TaskCenterError {
    const place = this.#placeOf(call);
    const ofServer = place === null ? this.#cause : this.#lanes.get(place)?.uplink.cause;
    const cause = (call.sent ? null : (call.cause ?? ofServer)) ?? 'no answer in time';
    return this.#unavailable(cause, call.sent || call.inDoubt ? 'unknown' : 'not_stored');
  }

  #rejectAll(calls: readonly Call[], reply: Error): void {
    for (const call of calls) this.#refuse(call, reply);
  }

  /** Who is in doubt asks on, as long as it may: its first attempt may have been carried out. */
  #refuse(call: Call, reply: Error): void {
    if (call.inDoubt && refusesUser(reply)) this.#rest(call, causeOf(reply));
    else this.#settle(call).reject(refusal(this.name, reply));
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
