import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { Clock, Timer } from './clock.ts';
import { decisiveOf, lookupError } from './own-faults.ts';

export interface DialOptions {
  /** A name or an IP address. */
  readonly host: string;
  readonly port: number;
  readonly clock: Pick<Clock, 'after'>;
  /** Ends all attempts: the caller's time limit. There is no other. */
  readonly signal: AbortSignal;
  /** For tests: the addresses of a name, in the order in which they are tried. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** For tests: begins to connect to an address. */
  readonly open?: (address: string, port: number) => Socket;
}

/** After this time without an answer the next address is tried as well. */
const HEAD_START_MS = 250;
const KEEP_ALIVE_MS = 5_000;

/** The addresses of a name, those of the two families in turn: one family may lead nowhere. */
async function lookUp(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true }).catch((error: unknown) => {
    throw lookupError(error);
  });
  const [first] = found;
  const preferred = found.filter(({ family }) => family === first?.family);
  const others = found.filter(({ family }) => family !== first?.family);
  const inTurn = preferred.flatMap((address, i) => [address, ...others.slice(i, i + 1)]);
  return [...inTurn, ...others.slice(preferred.length)].map(({ address }) => address);
}

/** Lookups under way, by name. */
const lookups = new Map<string, Promise<readonly string[]>>();

/**
 * The addresses of a name. Callers that ask for it at the same time share one lookup. Node runs four lookups at a time: several for
 * a name whose server does not answer would hold up the lookups of all other names.
 */
function addressesOf(host: string): Promise<readonly string[]> {
  let found = lookups.get(host);
  if (!found) {
    found = lookUp(host).finally(() => lookups.delete(host));
    lookups.set(host, found);
  }
  return found;
}

const openSocket = (host: string, port: number): Socket =>
  connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });

/** Rejects with the signal's reason once it aborts. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Attempts to connect to one host, a few addresses at a time. The first connection wins, and the others are given up. */
class Dialling {
  readonly #options: DialOptions;
  readonly #waiting: string[];
  readonly #sockets = new Set<Socket>();
  #timer: Timer | undefined;
  readonly #failures: unknown[] = [];
  #hasEnded = false;

  constructor(options: DialOptions, addresses: readonly string[]) {
    this.#options = options;
    this.#waiting = [...addresses];
  }

  first(): Promise<Socket> {
    return new Promise((resolve, reject) => this.#tryNext(resolve, reject));
  }

  /** Ends the attempts under way. */
  end(): void {
    this.#hasEnded = true;
    this.#timer?.cancel();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  #tryNext(resolve: (socket: Socket) => void, reject: (error: unknown) => void): void {
    this.#timer?.cancel();
    const address = this.#waiting.shift();
    if (address === undefined) {
      if (this.#sockets.size === 0) reject(decisiveOf(this.#failures));
      return;
    }
    const { port, clock, open = openSocket } = this.#options;
    const socket = open(address, port);
    this.#sockets.add(socket);
    // This listener stays: the winner's new owner adds its own only a moment later.
    socket.on('error', (error) => {
      if (!this.#sockets.delete(socket)) return;
      this.#failures.push(error);
      this.#tryNext(resolve, reject);
    });
    socket.once('connect', () => {
      if (this.#hasEnded) return;
      this.#sockets.delete(socket);
      this.end();
      resolve(socket);
    });
    if (this.#waiting.length > 0)
      this.#timer = clock.after(HEAD_START_MS, () => this.#tryNext(resolve, reject));
  }
}

/**
 * Connects to a host by TCP. If a name has several addresses, each is tried: the next one after 250 ms, or as soon as one
 * has failed. No address is given up before the caller's signal aborts, because a slow line may need longer than any limit
 * for each address. Node's own way (`autoSelectFamily`) gives each address 250 ms.
 *
 * Rejects with the error of one of the addresses (`decisiveOf`), or with the signal's reason.
 */
export async function dial(options: DialOptions): Promise<Socket> {
  const { host, signal, resolve = addressesOf } = options;
  const aborted = rejectOnAbort(signal);
  // It may abort after the end, when nobody waits for it any more.
  aborted.catch(() => {});
  const addresses = isIP(host) === 0 ? await Promise.race([resolve(host), aborted]) : [host];
  const dialling = new Dialling(options, addresses);
  try {
    return await Promise.race([dialling.first(), aborted]);
  } finally {
    dialling.end();
  }
}
