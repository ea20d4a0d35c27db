import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';

/** How data travel, in both directions. */
export interface LinkQuality {
  /** One way. Default 0. */
  readonly latencyMs?: number;
  /** More or less than the latency by at most so much. Default 0. */
  readonly jitterMs?: number;
  /** Of each direction, all connections together. Default: no bound. */
  readonly bytesPerSecond?: number;
  /** Data arrive in pieces of this size. Default: as they were sent. */
  readonly sliceBytes?: number;
}

/** Of clients to the server, of the server to clients. */
export type Direction = 'requests' | 'replies';

/**
 * A TCP link that can be made bad, for any number of connections. What it does counts for open connections, too. (To lose
 * one exact command or reply, see `startFaultProxy`.)
 */
export interface Link {
  /** Where clients connect to: the same kind of URL as a single Redis'. */
  readonly url: string;
  readonly port: number;
  /** Connections that are open. */
  readonly open: number;
  /** Fine weather without an argument. */
  setQuality(weather?: LinkQuality): void;
  /** Nothing passes in this direction, and nobody is told; data wait, as TCP would send them again. `heal` ends it. */
  block(...directions: Direction[]): void;
  /** What was held is passed on in order. */
  heal(): void;
  /** Resets every connection; resolves at once. @returns their number */
  reset(): number;
  /** New connections go to this port. */
  redirect(port: number): void;
  close(): Promise<void>;
}

/** Connections that share a narrow line take turns. */
const FAIR_BYTES = 4_096;

/** One direction of one connection: a queue of data, each with the time at which it arrives. */
class Pipe {
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #link: LinkState;
  #last = 0;
  #waiting: { readonly data: Buffer; readonly at: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket, direction: Direction, link: LinkState) {
    this.#to = to;
    this.#direction = direction;
    this.#link = link;
  }

  push(chunk: Buffer): void {
    const {
      latencyMs = 0,
      jitterMs = 0,
      bytesPerSecond,
      sliceBytes = bytesPerSecond ? FAIR_BYTES : chunk.length,
    } = this.#link.weather;
    const delayMs = Math.max(0, latencyMs + (2 * this.#link.random() - 1) * jitterMs);
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      const data = chunk.subarray(from, from + sliceBytes);
      // In order, and one after the other.
      this.#last = Math.max(this.#last, performance.now() + delayMs);
      if (bytesPerSecond !== undefined) this.#last = this.#turn((data.length * 1_000) / bytesPerSecond);
      this.#waiting.push({ data, at: this.#last });
    }
    this.flow();
  }

  /** When its turn at what all share is over. */
  #turn(takesMs: number): number {
    const { freeAt } = this.#link;
    freeAt[this.#direction] = Math.max(this.#last, freeAt[this.#direction]) + takesMs;
    return freeAt[this.#direction];
  }

  /** Passes on what is due. */
  flow(): void {
    clearTimeout(this.#timer);
    if (this.#link.held.has(this.#direction)) return;
    const nowMs = performance.now();
    const due = this.#waiting.findIndex(({ at }) => at > nowMs);
    const ready = this.#waiting.splice(0, due < 0 ? this.#waiting.length : due);
    for (const { data } of ready) if (!this.#to.destroyed) this.#to.write(data);
    const [next] = this.#waiting;
    if (next) this.#timer = setTimeout(() => this.flow(), Math.ceil(next.at - nowMs));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }
}

interface LinkState {
  weather: LinkQuality;
  readonly held: Set<Direction>;
  /** When the next data may begin, where the bandwidth is bounded. */
  readonly freeAt: Record<Direction, number>;
  readonly random: () => number;
}

interface Joined {
  reset(): void;
  flow(): void;
}

function join(client: Socket, port: number, { state, all }: { state: LinkState; all: Set<Joined> }): void {
  const server = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const requests = new Pipe(server, 'requests', state);
  const replies = new Pipe(client, 'replies', state);
  const joined: Joined = {
    flow() {
      requests.flow();
      replies.flow();
    },
    reset() {
      all.delete(joined);
      requests.end();
      replies.end();
      client.resetAndDestroy();
      server.resetAndDestroy();
    },
  };
  all.add(joined);
  client.on('data', (chunk: Buffer) => requests.push(chunk));
  server.on('data', (chunk: Buffer) => replies.push(chunk));
  for (const socket of [client, server]) {
    socket.on('error', () => {});
    // The end of a connection does not pass where data do not.
    socket.on('close', () => state.held.size === 0 && joined.reset());
  }
}

/** @param random chance of the jitter */
export async function startLink(target: number, random: () => number): Promise<Link> {
  const state: LinkState = { weather: {}, held: new Set(), freeAt: { requests: 0, replies: 0 }, random };
  const all = new Set<Joined>();
  let to = target;
  const server = createServer({ noDelay: true }, (client) => join(client, to, { state, all }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const reset = () => {
    const count = all.size;
    for (const one of all) one.reset();
    return count;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get open() {
      return all.size;
    },
    setQuality(weather = {}) {
      state.weather = weather;
    },
    block: (...directions) => directions.forEach((direction) => state.held.add(direction)),
    heal() {
      state.held.clear();
      for (const one of all) one.flow();
    },
    reset,
    redirect: (next) => void (to = next),
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
