import { isIP } from 'node:net';
import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';
import type { Clock } from '../../runtime/clock.ts';
import { causeOf } from './errors.ts';
import type { RedisArg } from './script.ts';
import { createTicker } from './ticker.ts';
import type { LinkTarget } from './url.ts';

/** One TCP connection, used until it is lost; then another one is opened. */
export interface Link {
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
export class LinkLost extends Error {
  constructor(cause: string) {
    super(cause);
    this.name = 'LinkLost';
  }
}

export interface LinkOptions {
  readonly target: LinkTarget;
  readonly clock: Clock;
  /** Ends an attempt to connect. */
  readonly signal: AbortSignal;
  /** Called once, before the calls under way reject; not after `destroy`. */
  readonly onLost: (cause: string) => void;
  /** With it the server tells once when a key that was read changes; null = any of them (design D4). */
  readonly onInvalidate?: (key: string | null) => void;
}

/** What we use of the client. */
interface Client {
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: readonly RedisArg[]): Promise<unknown>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'invalidate', listener: (key: Buffer | string | null) => void): unknown;
}

const CONNECT_MS = 1_500;
const OLDEST_TLS = { minVersion: 'TLSv1.2' } as const;
/** Without any answer for so long, with commands under way, a connection is given up. */
const SILENT_MS = 2_000;
/** A connection that waits for invalidations asks for a sign of life so often. */
const PROBE_MS = 2_000;

function socketOf({ address, tls }: LinkTarget) {
  const common = { connectTimeout: CONNECT_MS, reconnectStrategy: false as const };
  if ('path' in address) return { ...common, path: address.path, tls: false as const };
  const { host, port } = address;
  if (tls === null) return { ...common, host, port };
  // A name only: an address is no name for the server to choose its certificate by.
  const named = isIP(host) === 0 ? { servername: host } : {};
  return { ...common, host, port, tls: true as const, ...OLDEST_TLS, ...named, ...tls };
}

/**
 * The client's own safeguards are off where they were seen to fail (design D15): its command timeout ends with the
 * write, its socket timeout closes idle connections, its reconnecting repeats nothing. The link has its own.
 */
function clientOf({ target, onInvalidate }: LinkOptions): Client {
  const { username, password, database } = target;
  const typeMapping = { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array };
  const client: unknown = createClient({
    RESP: 3,
    socket: socketOf(target),
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    database,
    name: 'task-center',
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    emitInvalidate: onInvalidate !== undefined,
    commandOptions: { timeout: 0, typeMapping },
  });
  return client as Client;
}

/** Connects within 1.5 s, the handshake included. An attempt given up leaves nothing behind. */
async function connected(client: Client, signal: AbortSignal): Promise<void> {
  const connecting = client.connect();
  const { promise: givenUp, reject } = withReject();
  const giveUp = () => reject(new LinkLost('no answer while connecting'));
  const timer = setTimeout(giveUp, CONNECT_MS);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    await Promise.race([connecting, givenUp]);
  } catch (error) {
    client.destroy();
    // A client that was destroyed while its socket was being made still finishes connecting.
    connecting.then(
      () => client.destroy(),
      () => client.destroy(),
    );
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}

function withReject(): { promise: Promise<never>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, no) => (reject = no));
  return { promise, reject };
}

/** Opens a connection. Rejects with `ErrorReply` (a refusal) or any other error (out of reach). */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { clock, signal, onLost, onInvalidate } = options;
  const client = clientOf(options);
  let lost: string | null = null;
  let open = false;
  let underWay = 0;
  let silentMs = 0;

  const ticker = createTicker(clock, (awakeMs) => {
    silentMs += awakeMs;
    if (underWay > 0) {
      if (silentMs >= SILENT_MS) lose(`no answer for ${SILENT_MS / 1_000} s`);
    } else if (!onInvalidate) ticker.stop();
    else if (silentMs >= PROBE_MS) send(['PING']).catch(() => {});
  });

  function lose(cause: string): void {
    if (lost !== null) return;
    lost = cause;
    ticker.stop();
    client.destroy();
    if (open) onLost(cause);
  }

  const send = (args: readonly RedisArg[]): Promise<unknown> => asked(() => client.sendCommand(args));

  async function asked(ask: () => Promise<unknown>): Promise<unknown> {
    if (lost !== null) throw new LinkLost(lost);
    if (underWay === 0) silentMs = 0;
    underWay += 1;
    ticker.start();
    try {
      return await ask();
    } catch (error) {
      // A fault of the arguments is neither: the client refuses to encode them.
      if (error instanceof ErrorReply || lost === null) throw error;
      throw new LinkLost(lost);
    } finally {
      underWay -= 1;
      silentMs = 0;
    }
  }

  client.on('error', (error) => lose(causeOf(error)));
  if (onInvalidate) client.on('invalidate', (key) => onInvalidate(key === null ? null : key.toString()));
  await connected(client, signal);
  if (lost !== null) throw new LinkLost(lost);
  open = true;
  return {
    send,
    subscribe: async (channel, onMessage) => void (await asked(() => client.subscribe(channel, onMessage))),
    get lost() {
      return lost !== null;
    },
    destroy() {
      open = false;
      lose('closed');
    },
  };
}
