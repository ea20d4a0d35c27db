import net, { isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Clock } from '../../../runtime/clock.ts';
import { dial } from '../../../runtime/dial.ts';
import { causeOf, ErrorReply } from './error-replies.ts';
import { RespDecoder, type Push } from './resp-decoder.ts';
import { RespEncoder } from './resp-encoder.ts';
import type { RedisArg } from './script.ts';
import { createTicker, type Ticker } from './ticker.ts';
import { currentTls, tlsFilesText } from './tls.ts';
import type { ConnectionTarget } from './url.ts';

/** The connection ended before the reply came: the command may or may not have run. */
export class ConnectionLost extends Error {
  constructor(cause: string) {
    super(cause);
    this.name = 'ConnectionLost';
  }
}

export interface ConnectionOptions {
  readonly target: ConnectionTarget;
  readonly clock: Clock;
  /** Ends an attempt to connect. */
  readonly signal: AbortSignal;
  /** Called once, before the commands under way reject; not called after `destroy`. */
  readonly onLost: (cause: string) => void;
  /**
   * If set, the server sends one invalidation when a key changes that was read (`CLIENT TRACKING`). Null = any of these keys
   * may have changed.
   */
  readonly onInvalidate?: (key: string | null) => void;
}

/** Longest time until a connection is ready to use. */
const CONNECT_MS = 1_500;
const MIN_TLS = { minVersion: 'TLSv1.2' } as const;
/** A connection that waits for replies is given up when no byte arrives for this long. */
const MAX_SILENT_MS = 2_000;
/** A connection that waits for invalidations sends a PING after this much silence, to notice its own end. */
const PROBE_MS = 2_000;
/** From this size on commands are sent at once. Fewer bytes wait for the end of the running step: more may join them. */
const FLUSH_BYTES = 16_384;

/** A command that waits for its reply. */
interface PendingCommand {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/** Connects to the server; with TLS the socket has still to greet it. */
async function socketTo({ target, clock }: ConnectionOptions, signal: AbortSignal): Promise<Socket> {
  const { address, tls: source } = target;
  if ('path' in address) return net.connect({ path: address.path });
  const { host, port } = address;
  const socket = await dial({ host, port, clock, signal });
  if (source === null) return socket;
  // The server chooses its certificate by this name; TLS allows no IP address here.
  const serverName = isIP(host) === 0 ? { servername: host } : {};
  return tls.connect({ socket, host, ...MIN_TLS, ...serverName, ...currentTls(source) });
}

/** Commands that set up a new connection. All are answered before it is used. */
function handshake({ target, onInvalidate }: ConnectionOptions): string[][] {
  const { username, password, database } = target;
  const login = password === null ? [] : ['AUTH', username ?? 'default', password];
  const commands = [['HELLO', '3', ...login, 'SETNAME', 'task-center']];
  if (database !== 0) commands.push(['SELECT', String(database)]);
  if (onInvalidate) commands.push(['CLIENT', 'TRACKING', 'ON']);
  return commands;
}

/** One connection to one server, over TCP, TLS or a Unix socket. Once lost it stays lost; a new one replaces it. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #encoder = new RespEncoder();
  /** In the order of their commands, which is that of the replies. */
  readonly #pending: PendingCommand[] = [];
  readonly #listeners = new Map<string, (message: string) => void>();
  readonly #ticker: Ticker;
  /** Why it was lost; null while it lives. */
  #lostCause: string | null = null;
  #isReady = false;
  #flushIsPlanned = false;
  /** Time since the last sign of life of the server, ms. */
  #silentMs = 0;

  /**
   * Connects and greets the server, within 1.5 s. A failed attempt leaves nothing behind.
   *
   * @throws ErrorReply when the server refuses us, any other error when it is out of reach
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const { clock, signal } = options;
    const limit = new AbortController();
    const giveUp = () => limit.abort(new ConnectionLost('no answer while connecting'));
    const timer = clock.after(CONNECT_MS, giveUp);
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      const connection = new Connection(options, await socketTo(options, limit.signal));
      await connection.#greet(limit.signal);
      return connection;
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', giveUp);
    }
  }

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.#options = options;
    this.#socket = socket;
    this.#ticker = createTicker(options.clock, (awakeMs) => this.#tick(awakeMs));
    const decoder = new RespDecoder({
      onReply: (reply) => this.#onReply(reply),
      onPush: (push) => this.#onPush(push),
    });
    this.#socket.on('data', (chunk: Buffer) => {
      // A large reply may take long to arrive; each piece of it is a sign of life.
      this.#silentMs = 0;
      try {
        decoder.push(chunk);
      } catch (error) {
        this.#lose(causeOf(error));
      }
    });
    this.#socket.on('error', (error) => this.#lose(this.#causeOf(error)));
    this.#socket.on('close', () => this.#lose('the server closed the connection'));
  }

  get isLost(): boolean {
    return this.#lostCause !== null;
  }

  /**
   * Sends a command. Blob strings come back as Buffers, maps as flat arrays. Rejects with the server's `ErrorReply`, or
   * with `ConnectionLost` when no reply will come.
   */
  send(args: readonly RedisArg[]): Promise<unknown> {
    const reply = this.#append(args);
    if (this.#encoder.size >= FLUSH_BYTES) this.#flush();
    else if (!this.#flushIsPlanned) {
      this.#flushIsPlanned = true;
      queueMicrotask(() => this.#flush());
    }
    return reply;
  }

  /** Resolves when messages of the channel are received; rejects as `send`. */
  async subscribe(channel: string, onMessage: (message: string) => void): Promise<void> {
    this.#listeners.set(channel, onMessage);
    await this.send(['SUBSCRIBE', channel]);
  }

  /** Closes the connection; commands under way reject with `ConnectionLost`. */
  destroy(): void {
    this.#isReady = false;
    this.#lose('closed');
  }

  /** Sets the connection up. The signal ends the attempt. */
  async #greet(signal: AbortSignal): Promise<void> {
    const giveUp = () => this.#lose(causeOf(signal.reason));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const replies = handshake(this.#options).map((command) => this.#append(command));
      // What is written before TLS is set up waits for it.
      this.#flush();
      await Promise.all(replies);
      this.#isReady = true;
    } catch (error) {
      this.#lose(causeOf(error));
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** Adds a command to those that the next flush sends. */
  #append(args: readonly RedisArg[]): Promise<unknown> {
    if (this.#lostCause !== null) return Promise.reject(new ConnectionLost(this.#lostCause));
    if (this.#pending.length === 0) this.#silentMs = 0;
    this.#ticker.start();
    this.#encoder.add(args);
    return new Promise((resolve, reject) => this.#pending.push({ resolve, reject }));
  }

  #flush(): void {
    this.#flushIsPlanned = false;
    if (this.#encoder.size === 0 || this.#lostCause !== null) return;
    this.#socket.write(this.#encoder.view());
    // Bytes that the operating system took at once are not read again.
    this.#encoder.reset(this.#socket.writableLength > 0);
  }

  /** Why the socket failed. An error of TLS itself, not of the network, names the files that it may be about. */
  #causeOf(error: NodeJS.ErrnoException): string {
    const { tls: source } = this.#options.target;
    const isOfTls = source !== null && error.syscall === undefined && !this.#isReady;
    return causeOf(error) + (isOfTls ? tlsFilesText(source) : '');
  }

  #onReply(reply: unknown): void {
    this.#silentMs = 0;
    const command = this.#pending.shift();
    if (reply instanceof ErrorReply) command?.reject(reply);
    else command?.resolve(reply);
  }

  #onPush([kind, ...values]: Push): void {
    this.#silentMs = 0;
    const [first, second] = values;
    const { onInvalidate } = this.#options;
    switch (String(kind)) {
      case 'subscribe':
        // In RESP3 this push is the reply to SUBSCRIBE.
        return this.#onReply(null);
      case 'message':
        return this.#listeners.get(String(first))?.(String(second));
      case 'invalidate':
        if (first === null) onInvalidate?.(null);
        else for (const key of first as readonly unknown[]) onInvalidate?.(String(key));
    }
  }

  #tick(awakeMs: number): void {
    this.#silentMs += awakeMs;
    if (this.#pending.length > 0) {
      if (this.#silentMs >= MAX_SILENT_MS) this.#lose(`no answer for ${MAX_SILENT_MS / 1_000} s`);
    } else if (!this.#options.onInvalidate) this.#ticker.stop();
    else if (this.#silentMs >= PROBE_MS) this.send(['PING']).catch(() => {});
  }

  #lose(cause: string): void {
    if (this.#lostCause !== null) return;
    this.#lostCause = cause;
    this.#ticker.stop();
    this.#socket.destroy();
    if (this.#isReady) this.#options.onLost(cause);
    for (const { reject } of this.#pending.splice(0)) reject(new ConnectionLost(cause));
  }
}
