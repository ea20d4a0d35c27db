import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf, refusal, refusesUser, errorActionOf, ErrorReply } from './error-replies.ts';
import type { Call } from './call.ts';
import { NodePipeline } from './node-pipeline.ts';
import { ConnectionLost, type Connection } from './connection.ts';
import { firstKeyOf, redirectIn, type Redirect } from './redirects.ts';
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
  readonly timeoutMs?: number;
}

/** A script's reply, and the one to the command that was to confirm it; null = that command was refused. */
export interface Confirmed<R> {
  readonly reply: R;
  readonly confirmed: unknown;
}

export interface RedisClient {
  /**
   * Runs a script. A call in doubt (connection lost, no answer in time) is repeated on a new connection, so every
   * script must be safe to repeat: receipts, or nothing but reads. ARGV[1] is `now`: `0` = Redis' TIME, else ms.
   *
   * @throws TaskCenterError `broker-unavailable`, `broker-full`, `broker-refused`, `broker-closed`
   */
  run<C, R>(script: Script<C, R>, call: C, options?: RunOptions): Promise<R>;
  /**
   * The same, with a command right behind the script on the same connection: only there `WAIT` and `WAITAOF` speak of what
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

export interface RedisClientOptions {
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  /** Shared by all connections of a broker, which then closes it. Default: its own. */
  readonly topology?: Topology;
  readonly nowMs?: () => number | null;
}

/** With the time that ticks and timers take on top, a call ends within 5 s. */
export const CALL_TIMEOUT_MS = 4_500;
const ABORT_GRACE_MS = 1_000;
/** Calls under way or waiting; more are refused at once. */
const MAX_CALLS = 10_000;
const MIN_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 500;
/** So often a call follows one server's word to another at once; then it rests in between. */
const MAX_REDIRECTS = 5;

/** What a script's call is made of. */
interface CommandSpec {
  readonly args: readonly RedisArg[];
  readonly lua: LuaSource | null;
  readonly key: string | null;
  readonly place?: string;
}

interface Route {
  readonly pipeline: NodePipeline;
  readonly connection: Connection;
}

type SubmitOptions = RunOptions & { readonly confirm?: readonly RedisArg[] };

class Calls implements RedisClient {
  readonly name: string;
  readonly clustered: boolean;
  readonly nowMs: () => number | null;
  readonly #runtime: Runtime;
  readonly #topology: Topology;
  readonly #ownTopology: boolean;
  readonly #ticker: Ticker;
  readonly #calls = new Set<Call>();
  readonly #pipelines = new Map<string, NodePipeline>();
  readonly #closing = new AbortController();
  /** Nobody knows yet where they belong. */
  #unrouted: Call[] = [];
  #discovering = false;
  #cause: string | null = null;
  #order = 0;

  constructor({ target, runtime, topology, nowMs }: RedisClientOptions) {
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
    return this.#submit({ args, lua: null, key: firstKeyOf(args) }, options);
  }

  async everywhere(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown[]> {
    if (this.#topology.nodes().length === 0) await this.command(['PING'], options);
    const order = { args, lua: null, key: null };
    return Promise.all(this.#topology.nodes().map((place) => this.#submit({ ...order, place }, options)));
  }

  async ping(): Promise<void> {
    await this.command(['PING']);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const { connection } of this.#pipelines.values()) connection.close();
    if (this.#ownTopology) this.#topology.close();
    this.#ticker.stop();
    for (const call of this.#calls) this.#settle(call).reject(this.#closedError());
  }

  /**
   * In a cluster the last key is one that never exists: while a slot moves, a script over it is refused as a whole
   * (TRYAGAIN), also where every other key it names is there, and never fails half-way at a key that has moved.
   */
  #scriptOrder<C, R>(script: Script<C, R>, call: C): CommandSpec {
    const keys = script.keys(call);
    const [key = null] = keys;
    const tag = key === null || !this.clustered ? null : tagOf(key);
    if (tag !== null) keys.push(`tc:{${tag}}:-`);
    const args: RedisArg[] = [String(keys.length), ...keys, String(this.nowMs() ?? 0)];
    for (const arg of script.args(call)) args.push(typeof arg === 'number' ? String(arg) : arg);
    return { args, lua: script.lua, key };
  }

  #submit({ args, lua, key, place }: CommandSpec, options: SubmitOptions): Promise<unknown> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#closedError());
    if (options.signal?.aborted) return Promise.reject(this.#unavailable('the caller gave it up'));
    if (this.#calls.size >= MAX_CALLS) return Promise.reject(this.#unavailable('too many calls wait for it'));
    return new Promise((resolve, reject) => {
      this.#order += 1;
      const call: Call = {
        order: this.#order,
        args,
        lua,
        key,
        node: place ?? null,
        confirm: options.confirm ?? null,
        signal: options.signal,
        leftMs: options.timeoutMs ?? (options.signal ? Infinity : CALL_TIMEOUT_MS),
        inDoubt: false,
        sent: false,
        asking: null,
        redirects: 0,
        backoffs: 0,
        backoffTimer: undefined,
        cause: null,
        resolve,
        reject,
      };
      this.#calls.add(call);
      this.#ticker.start();
      this.#enqueue(call);
    });
  }

  #nodeOf({ node, asking, key }: Call): string | null {
    return node ?? asking ?? (key === null ? this.#anyNode() : this.#topology.nodeOf(key));
  }

  /** What any server can do is not to wait for one that is away. */
  #anyNode(): string | null {
    const up = this.#topology.nodes().find((place) => this.#pipelines.get(place)?.connection.current);
    return up ?? this.#topology.nodeOf(null);
  }

  /** Sends the call now, or as soon as there is a connection to its server. */
  #enqueue(call: Call): void {
    const place = this.#nodeOf(call);
    if (place === null) {
      this.#unrouted.push(call);
      return void this.#discover();
    }
    const pipeline = this.#pipelineTo(place);
    const { current } = pipeline.connection;
    if (current && pipeline.waiting.length === 0)
      return void this.#send(call, { pipeline, connection: current });
    pipeline.waiting.push(call);
    pipeline.connection.connect();
  }

  #pipelineTo(node: string): NodePipeline {
    let pipeline = this.#pipelines.get(node);
    if (pipeline) return pipeline;
    pipeline = new NodePipeline(
      {
        topology: this.#topology,
        node,
        runtime: this.#runtime,
        onRefused: (reply) => this.#rejectAll(this.#pipelines.get(node)?.release() ?? [], reply),
        onFailed: () => this.#refreshTopology(),
      },
      (up) => up.release().forEach((call) => this.#enqueue(call)),
    );
    this.#pipelines.set(node, pipeline);
    return pipeline;
  }

  /** Servers have come or gone, or what they have: whoever waits looks for its place anew. */
  #reroute(): void {
    const waiting = [...this.#pipelines.values()].flatMap((pipeline) => pipeline.release());
    waiting.push(...this.#unrouted);
    this.#unrouted = [];
    const places = new Set(this.#topology.nodes());
    for (const [place, { connection }] of this.#pipelines) {
      if (places.has(place)) continue;
      this.#pipelines.delete(place);
      // Calls that are under way there are in doubt now, and go where their keys are.
      connection.close();
    }
    for (const call of waiting.sort((a, b) => a.order - b.order)) this.#enqueue(call);
  }

  #refreshTopology(): void {
    this.#topology.refresh().catch(() => {});
  }

  /** Looks for the map until everybody has a place. */
  async #discover(): Promise<void> {
    if (this.#discovering) return;
    this.#discovering = true;
    const { signal } = this.#closing;
    for (let tries = 0; this.#unrouted.length > 0 && !signal.aborted; tries += 1) {
      if (tries > 0) await this.#runtime.clock.sleep(this.#backoffMs(tries), signal);
      try {
        await this.#topology.refresh();
        if (this.#unrouted.some((call) => this.#nodeOf(call) !== null)) this.#reroute();
        else this.#cause = 'no server of the cluster has the slot';
      } catch (error) {
        this.#cause = causeOf(error);
        if (error instanceof ErrorReply && errorActionOf(error) !== 'wait')
          this.#rejectAll(this.#unrouted.splice(0), error);
      }
    }
    this.#discovering = false;
  }

  async #send(call: Call, { pipeline, connection }: Route, withText = false): Promise<void> {
    call.sent = true;
    try {
      const reply = await pipeline.transmit(call, connection, withText);
      if (this.#calls.has(call)) this.#settle(call).resolve(reply);
    } catch (error) {
      call.sent = false;
      if (error instanceof ConnectionLost) call.inDoubt = true;
      if (this.#calls.has(call)) this.#onFailure(call, { pipeline, connection }, error);
    }
  }

  #onFailure(call: Call, { pipeline, connection }: Route, error: unknown): void {
    const { asking } = call;
    if (error instanceof ErrorReply && errorActionOf(error) === 'send-text' && call.lua)
      return void this.#send(call, { pipeline, connection }, true);
    call.asking = null;
    if (error instanceof ConnectionLost) return this.#enqueue(call);
    if (!(error instanceof ErrorReply)) return this.#settle(call).reject(error);
    const move = this.clustered ? redirectIn(error) : null;
    if (move) return this.#followRedirect(call, move, pipeline);
    const trouble = errorActionOf(error);
    if (trouble !== 'wait') return this.#refuse(call, error);
    if (error.message.startsWith('READONLY') && this.#topology.hasFailover)
      pipeline.connection.replace(connection, 'the server is a replica now');
    // While a slot moves nothing else is to be found out.
    if (asking === null && !error.message.startsWith('TRYAGAIN')) this.#refreshTopology();
    this.#backOff(call, causeOf(error));
  }

  /** A server that redirects has done nothing. */
  #followRedirect(call: Call, { kind, slot, to }: Redirect, { node }: NodePipeline): void {
    call.redirects += 1;
    if (kind === 'ask') call.asking = this.#topology.nodeNamed(to, node);
    else this.#topology.recordMove(slot, to, node);
    if (call.redirects % MAX_REDIRECTS === 0)
      this.#backOff(call, 'the servers of the cluster send the call to and fro');
    else this.#enqueue(call);
  }

  #backOff(call: Call, cause: string): void {
    call.cause = cause;
    call.backoffs += 1;
    call.backoffTimer = setTimeout(() => this.#enqueue(call), this.#backoffMs(call.backoffs));
  }

  #backoffMs(times: number): number {
    const longest = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(times - 1, 10));
    return longest * (0.5 + this.#runtime.random() / 2);
  }

  /** Takes the call out of the books; the caller resolves or rejects it. */
  #settle(call: Call): Call {
    this.#calls.delete(call);
    clearTimeout(call.backoffTimer);
    return call;
  }

  #tick(awakeMs: number): void {
    if (this.#calls.size === 0) return this.#ticker.stop();
    let left = false;
    for (const call of this.#calls) {
      if (call.signal?.aborted) call.leftMs = call.sent ? Math.min(call.leftMs, ABORT_GRACE_MS) : 0;
      call.leftMs -= awakeMs;
      if (call.leftMs > 0) continue;
      left = true;
      this.#settle(call).reject(this.#timeoutError(call));
    }
    if (!left) return;
    const open = (call: Call): boolean => this.#calls.has(call);
    for (const pipeline of this.#pipelines.values()) pipeline.waiting = pipeline.waiting.filter(open);
    this.#unrouted = this.#unrouted.filter(open);
  }

  #timeoutError(call: Call): TaskCenterError {
    const place = this.#nodeOf(call);
    const ofServer = place === null ? this.#cause : this.#pipelines.get(place)?.connection.cause;
    const cause = (call.sent ? null : (call.cause ?? ofServer)) ?? 'no answer in time';
    return this.#unavailable(cause, call.sent || call.inDoubt ? 'unknown' : 'not_stored');
  }

  #rejectAll(calls: readonly Call[], reply: Error): void {
    for (const call of calls) this.#refuse(call, reply);
  }

  /** Who is in doubt asks on, as long as it may: its first attempt may have been carried out. */
  #refuse(call: Call, reply: Error): void {
    if (call.inDoubt && refusesUser(reply)) this.#backOff(call, causeOf(reply));
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
export function createRedisClient(options: RedisClientOptions): RedisClient {
  return new Calls(options);
}
