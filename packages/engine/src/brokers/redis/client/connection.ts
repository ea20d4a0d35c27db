import net, { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../../../runtime/clock.ts';
import { RespEncoder } from './resp-encoder.ts';
import { causeOf, ErrorReply } from './error-replies.ts';
import { RespDecoder, type Push } from './resp-decoder.ts';
import type { RedisArg } from './script.ts';
import { createTicker, type Ticker } from './ticker.ts';
import type { ConnectionTarget } from './url.ts';

/** One TCP connection, used until it is lost; then another one is opened. */
export interface Connection {
  /**
   * Rejects with the server's `ErrorReply`, or with `LinkLost` when there will be no answer. Blob strings come back
   * as Buffers, maps as flat arrays.
   */
  send(args: readonly RedisArg[]): Promise<unknown>;
  /** Resolves when messages of the channel come; rejects as `send`. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<void>;
  readonly lost: boolean;
  destroy(): void;
}

/** The connection ended before the answer came: the command may have run or not. */
export class ConnectionLost extends Error {
  constructor(cause: string) {
    super(cause);
    this.name = 'LinkLost';
  }
}

export interface ConnectionOptions {
  readonly target: ConnectionTarget;
  readonly clock: Clock;
  /** Ends an attempt to connect. */
  readonly signal: AbortSignal;
  /** Called once, before the calls under way reject; not after `destroy`. */
  readonly onLost: (cause: string) => void;
  /** With it the server tells once when a key that was read changes; null = any of them (design D4). */
  readonly onInvalidate?: (key: string | null) => void;
}

const CONNECT_MS = 1_500;
const MIN_TLS = { minVersion: 'TLSv1.2' } as const;
/** Without a byte of an answer for so long, with commands under way, a connection is given up. */
const SILENT_MS = 2_000;
/** A connection that waits for invalidations asks for a sign of life so often. */
const PROBE_MS = 2_000;
/** The operating system begins to ask an idle peer for a sign of life after this. */
const KEEP_ALIVE_MS = 5_000;
/** So many bytes are sent at once; fewer wait for the end of the running step, as others may join them. */
const FULL_BYTES = 16_384;

/** A command in wait for its reply. */
interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

function socketTo({ address, tls: settings }: ConnectionTarget): Socket {
  const common = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if ('path' in address) return net.connect({ path: address.path });
  const { host, port } = address;
  if (settings === null) return net.connect({ ...common, host, port });
  // A name only: an address is no name for the server to choose its certificate by.
  const named = isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ ...common, host, port, ...MIN_TLS, ...named, ...settings });
}

/** What makes a new connection ours; all answered before it is used. */
function greeting({ target, onInvalidate }: ConnectionOptions): string[][] {
  const { username, password, database } = target;
  const login = password === null ? [] : ['AUTH', username ?? 'default', password];
  const commands = [['HELLO', '3', ...login, 'SETNAME', 'task-center']];
  if (database !== 0) commands.push(['SELECT', String(database)]);
  if (onInvalidate) commands.push(['CLIENT', 'TRACKING', 'ON']);
  return commands;
}

class SocketConnection implements Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #encoder = new RespEncoder();
  readonly #waiting: Waiting[] = [];
  readonly #listeners = new Map<string, (message: string) => void>();
  readonly #ticker: Ticker;
  #lost: string | null = null;
  #open = false;
  #flushing = false;
  #silentMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = socketTo(options.target);
    this.#ticker = createTicker(options.clock, (awakeMs) => this.#tick(awakeMs));
    const replies = new RespDecoder({
      onReply: (reply) => this.#answered(reply),
      onPush: (push) => this.#pushed(push),
    });
    this.#socket.on('data', (chunk: Buffer) => {
      // A large answer may take long to arrive.
      this.#silentMs = 0;
      try {
        replies.push(chunk);
      } catch (error) {
        this.#lose(causeOf(error));
      }
    });
    this.#socket.on('error', (error) => this.#lose(causeOf(error)));
    this.#socket.on('close', () => this.#lose('the server closed the connection'));
  }

  get lost(): boolean {
    return this.#lost !== null;
  }

  /** Connects within 1.5 s, the greeting included. An attempt given up leaves nothing behind. */
  async connect(): Promise<void> {
    const { target, signal } = this.#options;
    const giveUp = () => this.#lose('no answer while connecting');
    const timer = setTimeout(giveUp, CONNECT_MS);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      this.#socket.once(target.tls === null ? 'connect' : 'secureConnect', () => this.#flush());
      // Written once the socket is connected.
      await Promise.all(greeting(this.#options).map((command) => this.#ask(command)));
      this.#open = true;
    } catch (error) {
      this.#lose(causeOf(error));
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }

  send(args: readonly RedisArg[]): Promise<unknown> {
    const reply = this.#ask(args);
    if (this.#encoder.size >= FULL_BYTES) this.#flush();
    else if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(() => this.#flush());
    }
    return reply;
  }

  async subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    this.#listeners.set(channel, onMessage);
    await this.send(['SUBSCRIBE', channel]);
  }

  destroy(): void {
    this.#open = false;
    this.#lose('closed');
  }

  #ask(args: readonly RedisArg[]): Promise<unknown> {
    if (this.#lost !== null) return Promise.reject(new ConnectionLost(this.#lost));
    if (this.#waiting.length === 0) this.#silentMs = 0;
    this.#ticker.start();
    this.#encoder.add(args);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#encoder.size === 0 || this.#lost !== null) return;
    this.#socket.write(this.#encoder.view());
    // What the system took at once nobody reads any more.
    this.#encoder.taken(this.#socket.writableLength > 0);
  }

  #answered(reply: unknown): void {
    this.#silentMs = 0;
    const waiting = this.#waiting.shift();
    if (reply instanceof ErrorReply) waiting?.reject(reply);
    else waiting?.resolve(reply);
  }

  #pushed([kind, ...rest]: Push): void {
    this.#silentMs = 0;
    const [first, second] = rest;
    const { onInvalidate } = this.#options;
    switch (String(kind)) {
      case 'subscribe':
        // In RESP3 this is the answer to the command.
        return this.#answered(null);
      case 'message':
        return this.#listeners.get(String(first))?.(String(second));
      case 'invalidate':
        if (first === null) onInvalidate?.(null);
        else for (const key of first as readonly unknown[]) onInvalidate?.(String(key));
    }
  }

  #tick(awakeMs: number): void {
    this.#silentMs += awakeMs;
    if (this.#waiting.length > 0) {
      if (this.#silentMs >= SILENT_MS) this.#lose(`no answer for ${SILENT_MS / 1_000} s`);
    } else if (!this.#options.onInvalidate) this.#ticker.stop();
    else if (this.#silentMs >= PROBE_MS) this.send(['PING']).catch(() => {});
  }

  #lose(cause: string): void {
    if (this.#lost !== null) return;
    this.#lost = cause;
    this.#ticker.stop();
    this.#socket.destroy();
    if (this.#open) this.#options.onLost(cause);
    for (const { reject } of this.#waiting.splice(0)) reject(new ConnectionLost(cause));
  }
}

/** Opens a connection. Rejects with `ErrorReply` (a refusal) or any other error (out of reach). */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const connection = new SocketConnection(options);
  await connection.connect();
  return connection;
}
