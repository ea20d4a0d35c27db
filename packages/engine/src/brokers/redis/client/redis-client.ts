import type { Runtime } from '../../../runtime/runtime.ts';
import { newCall } from './call.ts';
import { firstKeyOf } from './redirects.ts';
import { closedError, Retries, unavailableError } from './retries.ts';
import { Router } from './router.ts';
import type { LuaSource, RedisArg, Script } from './script.ts';
import { createTopology } from './topology/create-topology.ts';
import { tagOf } from './topology/slots.ts';
import type { Topology } from './topology/topology.ts';
import type { RedisTarget } from './url.ts';

export interface RunOptions {
  /**
   * Repeats the call until it succeeds or the signal aborts. Without a signal the call ends within 5 s in all. A call
   * that waits for its reply when the signal aborts may take up to 1 s more: without the reply its effect is unknown.
   */
  readonly signal?: AbortSignal;
  /** A time limit shorter than the default, ms. */
  readonly timeoutMs?: number;
  /**
   * The call asks how the server is: an error is its answer. It is not repeated, and that memory is full is no reason to look at the
   * server anew. Default false.
   */
  readonly isProbe?: boolean;
}

export interface ConfirmedRunOptions extends RunOptions {
  readonly confirm: readonly RedisArg[];
}

/** A script's reply, and the reply to the command behind it; null = Redis refused that command. */
export interface Confirmed<R> {
  readonly reply: R;
  readonly confirmed: unknown;
}

export interface RedisClientOptions {
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  /** Called when an error reply or a lost connection may mean that something is wrong with the server itself. */
  readonly onHint?: () => void;
  /** Shared by all clients of a broker; the broker closes it. Default: the client's own, which `close` closes. */
  readonly topology?: Topology;
  /** Gives scripts their time, wall-clock ms, in tests. Default: Redis' own clock. */
  readonly nowMs?: () => number | null;
}

/** Default time of a call. Ticks and timers add to it; with them a call ends within 5 s. */
export const CALL_TIMEOUT_MS = 4_500;
/** Calls without an outcome, sent or waiting; more are refused at once. */
const MAX_OPEN_CALLS = 10_000;

/** Calls without a key, on one node. */
export interface NodeCalls {
  command(args: readonly RedisArg[], options: RunOptions): Promise<unknown>;
  run<C, R>(script: Script<C, R>, call: C, options: RunOptions): Promise<R>;
}

/** What is sent, and what decides which node gets it. */
interface CommandSpec {
  readonly args: readonly RedisArg[];
  readonly lua: LuaSource | null;
  readonly key: string | null;
  readonly node?: string;
}

/**
 * Runs scripts and commands on a server, on the master behind Sentinels, or on a cluster. It connects with the first
 * call and reconnects by itself. Calls of one node are pipelined over one connection, in order.
 */
export class RedisClient {
  /** The URL without its password. */
  readonly name: string;
  /** Whether all keys of a script must have one hash tag. */
  readonly isClustered: boolean;
  /** The time that tests set, wall-clock ms; null = Redis' own. */
  readonly nowMs: () => number | null;
  readonly #topology: Topology;
  readonly #ownsTopology: boolean;
  readonly #retries: Retries;
  readonly #router: Router;
  #isClosed = false;
  #lastOrder = 0;

  constructor({ target, runtime, topology, nowMs, onHint }: RedisClientOptions) {
    this.name = target.name;
    this.nowMs = nowMs ?? (() => null);
    this.#ownsTopology = topology === undefined;
    this.#topology = topology ?? createTopology(target, runtime);
    this.isClustered = this.#topology.isClustered;
    this.#retries = new Retries({
      broker: this.name,
      runtime,
      resend: (call) => this.#router.send(call),
      connectionCauseOf: (call) => this.#router.causeOf(call),
      onExpired: () => this.#router.dropEnded(),
    });
    this.#router = new Router({
      topology: this.#topology,
      runtime,
      retries: this.#retries,
      onHint: onHint ?? (() => {}),
    });
  }

  /**
   * Runs a script. A call in doubt (its connection was lost, or no reply came in time) is repeated on a new connection,
   * so every script must be safe to repeat: it keeps a receipt, or only reads. ARGV[1] is `now`: `0` = Redis' own TIME,
   * else wall-clock ms.
   *
   * @throws TaskCenterError `broker-unavailable`, `broker-full`, `broker-refused`, `broker-closed`
   */
  async run<C, R>(script: Script<C, R>, call: C, options: RunOptions = {}): Promise<R> {
    return script.reply(await this.#submit(this.#scriptSpec(script, call), options), call);
  }

  /**
   * Runs a script, and a command right behind it on the same connection. `WAIT` and `WAITAOF` cover only what their own
   * connection wrote.
   *
   * @throws TaskCenterError as `run`
   */
  async runConfirmed<C, R>(
    script: Script<C, R>,
    call: C,
    options: ConfirmedRunOptions,
  ): Promise<Confirmed<R>> {
    const spec = this.#scriptSpec(script, call);
    const [raw, confirmed] = (await this.#submit(spec, options)) as [unknown, unknown];
    return { reply: script.reply(raw, call), confirmed };
  }

  /**
   * Runs a plain command that is safe to repeat. Blob strings come back as Buffers, maps as flat arrays.
   *
   * @throws TaskCenterError as `run`
   */
  command(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown> {
    return this.#submit({ args, lua: null, key: firstKeyOf(args) }, options);
  }

  /** Runs the command on every node that has keys; one reply for each. Rejects when one of them fails. */
  async everywhere(args: readonly RedisArg[], options: RunOptions = {}): Promise<unknown[]> {
    const nodes = await this.nodes(options);
    return Promise.all(nodes.map((node) => this.on(node).command(args, options)));
  }

  /** The nodes that have keys, which are masters. */
  async nodes(options: RunOptions = {}): Promise<readonly string[]> {
    // Any call makes the client find the nodes.
    if (this.#topology.nodes().length === 0) await this.command(['PING'], options);
    return this.#topology.nodes();
  }

  /** Runs what has no key on one node. */
  on(node: string): NodeCalls {
    return {
      command: (args, options) => this.#submit({ args, lua: null, key: null, node }, options),
      run: async (script, call, options) =>
        script.reply(await this.#submit({ ...this.#scriptSpec(script, call), node }, options), call),
    };
  }

  /** Whether no call waits for its outcome. */
  get isIdle(): boolean {
    return this.#retries.size === 0;
  }

  /** Whether calls wait, and only for servers that are out of reach. */
  get isOutOfReach(): boolean {
    return this.#retries.areStuck;
  }

  async ping(): Promise<void> {
    await this.command(['PING']);
  }

  /** Rejects the calls under way with `broker-closed`, and every later one. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#router.close();
    if (this.#ownsTopology) this.#topology.close();
    this.#retries.close();
  }

  /**
   * In a cluster a key that never exists is added to the script's keys. While a slot moves, Redis then refuses the
   * script as a whole (TRYAGAIN), also on the node that has all other keys; without it the script could fail half-way,
   * at a key that has moved already.
   */
  #scriptSpec<C, R>(script: Script<C, R>, call: C): CommandSpec {
    const keys = script.keys(call);
    const [key = null] = keys;
    const tag = key === null || !this.isClustered ? null : tagOf(key);
    if (tag !== null) keys.push(`tc:{${tag}}:-`);
    const args: RedisArg[] = [String(keys.length), ...keys, String(this.nowMs() ?? 0)];
    const values = script.args(call);
    // By index: calls with thousands of arguments are too few for V8 to optimize this, and an iterator makes an object for each.
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i]!;
      args.push(typeof value === 'number' ? String(value) : value);
    }
    return { args, lua: script.lua, key };
  }

  #submit(spec: CommandSpec, options: RunOptions | ConfirmedRunOptions): Promise<unknown> {
    const { signal, timeoutMs, isProbe = false } = options;
    if (this.#isClosed) return Promise.reject(closedError(this.name));
    if (signal?.aborted) return Promise.reject(unavailableError(this.name, 'the caller gave it up'));
    if (this.#retries.size >= MAX_OPEN_CALLS)
      return Promise.reject(unavailableError(this.name, 'too many calls wait for it'));
    return new Promise((resolve, reject) => {
      this.#lastOrder += 1;
      const { args, lua, key, node = null } = spec;
      const confirm = 'confirm' in options ? options.confirm : null;
      const call = newCall(
        { order: this.#lastOrder, args, lua, key, node, confirm, signal, isProbe },
        timeoutMs ?? (signal ? Infinity : CALL_TIMEOUT_MS),
        { resolve, reject },
      );
      this.#retries.add(call);
      this.#router.send(call);
    });
  }
}
