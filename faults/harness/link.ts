import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';

/** The quality of a link, in both directions. */
export interface LinkQuality {
  /** One-way latency. Default 0. */
  readonly latencyMs?: number;
  /** Largest deviation from the latency, up or down. Default 0. */
  readonly jitterMs?: number;
  /** Bandwidth of each direction, shared by all connections. Default: unlimited. */
  readonly bytesPerSecond?: number;
  /** Data are forwarded in slices of this size. Default: as they were sent. */
  readonly sliceBytes?: number;
}

/** From clients to the server, or from the server to clients. */
export type Direction = 'requests' | 'replies';

/**
 * A TCP proxy that simulates a bad network. All settings apply to open connections, too. To lose one exact command or
 * reply use `startFaultProxy`.
 */
export interface Link {
  /** URL for clients, as that of a single Redis. */
  readonly url: string;
  readonly port: number;
  /** Number of open connections. */
  readonly open: number;
  /** Without an argument the link is perfect again. */
  setQuality(quality?: LinkQuality): void;
  /** Blocks a direction silently. Data are kept, as TCP would retransmit them. `heal` ends it. */
  block(...directions: Direction[]): void;
  /** Ends all blocks and forwards the kept data in order. */
  heal(): void;
  /** Resets every connection. @returns their number */
  reset(): number;
  /** New connections go to this port. */
  redirect(port: number): void;
  close(): Promise<void>;
}

/** Slice size on a link of bounded bandwidth, which lets connections share it fairly. */
const FAIR_BYTES = 4_096;

/** One direction of one connection: a queue of data with their times of arrival. */
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
    } = this.#link.quality;
    const delayMs = Math.max(0, latencyMs + (2 * this.#link.random() - 1) * jitterMs);
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      const data = chunk.subarray(from, from + sliceBytes);
      // Data stay in order: none arrives before the slice in front of it.
      this.#last = Math.max(this.#last, performance.now() + delayMs);
      if (bytesPerSecond !== undefined)
        this.#last = this.#afterTransmission((data.length * 1_000) / bytesPerSecond);
      this.#waiting.push({ data, at: this.#last });
    }
    this.flow();
  }

  /** Reserves the shared bandwidth; returns when the transmission is over. */
  #afterTransmission(takesMs: number): number {
    const { freeAt } = this.#link;
    freeAt[this.#direction] = Math.max(this.#last, freeAt[this.#direction]) + takesMs;
    return freeAt[this.#direction];
  }

  /** Forwards what is due. */
  flow(): void {
    clearTimeout(this.#timer);
    if (this.#link.blocked.has(this.#direction)) return;
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
  quality: LinkQuality;
  readonly blocked: Set<Direction>;
  /** When the next transmission may begin, where the bandwidth is bounded. */
  readonly freeAt: Record<Direction, number>;
  readonly random: () => number;
}

interface ProxiedConnection {
  reset(): void;
  flow(): void;
}

function proxyConnection(
  client: Socket,
  port: number,
  { state, connections }: { state: LinkState; connections: Set<ProxiedConnection> },
): void {
  const server = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const requests = new Pipe(server, 'requests', state);
  const replies = new Pipe(client, 'replies', state);
  const connection: ProxiedConnection = {
    flow() {
      requests.flow();
      replies.flow();
    },
    reset() {
      connections.delete(connection);
      requests.end();
      replies.end();
      client.resetAndDestroy();
      server.resetAndDestroy();
    },
  };
  connections.add(connection);
  client.on('data', (chunk: Buffer) => requests.push(chunk));
  server.on('data', (chunk: Buffer) => replies.push(chunk));
  for (const socket of [client, server]) {
    socket.on('error', () => {});
    // A blocked direction hides the end of a connection, too.
    socket.on('close', () => state.blocked.size === 0 && connection.reset());
  }
}

/** @param target port of the server; @param random gives numbers in [0, 1) for the jitter */
export async function startLink(target: number, random: () => number): Promise<Link> {
  const state: LinkState = { quality: {}, blocked: new Set(), freeAt: { requests: 0, replies: 0 }, random };
  const connections = new Set<ProxiedConnection>();
  let to = target;
  const server = createServer({ noDelay: true }, (client) =>
    proxyConnection(client, to, { state, connections }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const reset = () => {
    const count = connections.size;
    for (const connection of connections) connection.reset();
    return count;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get open() {
      return connections.size;
    },
    setQuality(quality = {}) {
      state.quality = quality;
    },
    block: (...directions) => directions.forEach((direction) => state.blocked.add(direction)),
    heal() {
      state.blocked.clear();
      for (const connection of connections) connection.flow();
    },
    reset,
    redirect: (next) => void (to = next),
    async close() {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
