import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Direction = 'requests' | 'replies';

/** What a pipe does to the bytes that pass it, in both directions. Default: nothing. */
export interface Quality {
  /** Each way, ms; a chunk takes `latencyMs` more or less `jitterMs`, and none overtakes another. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** Each way, all connections together, in fair turns. Bytes/s. */
  readonly rate?: number;
  /** Bytes of a packet, at most. */
  readonly slice?: number;
}

/** A way to a server that knows bytes only: the network as it can be. */
export interface Pipe {
  readonly url: string;
  /**
   * A partition of one direction: nothing of it arrives, on new connections either, while the other works. When it ends
   * (the result is called), what was sent meanwhile arrives late, as TCP sends it again, or with `lose` never: then all
   * connections break.
   */
  hold(direction: Direction, options?: { readonly lose: boolean }): () => void;
  /** New connections lead to this port; those that are there break. */
  retarget(port: number): void;
  close(): Promise<void>;
}

const LARGEST_SLICE = 4_096;
const BURST = 16;
const SECOND_MS = 1_000;

/** One direction of all connections. */
class Way {
  held: (() => void)[] | null = null;
  readonly #quality: Quality;
  readonly #random: () => number;
  #freeMs = 0;

  constructor(quality: Quality, random: () => number) {
    this.#quality = quality;
    this.#random = random;
  }

  /** When it may go on its way, and how long that takes. */
  #delayMs(): number {
    const { latencyMs = 0, jitterMs = 0 } = this.#quality;
    return latencyMs + (2 * this.#random() - 1) * jitterMs;
  }

  /** Waits for its turn at the rate of all. */
  async #turn(bytes: number): Promise<void> {
    const { rate } = this.#quality;
    if (rate === undefined) return;
    const nowMs = performance.now();
    this.#freeMs = Math.max(nowMs, this.#freeMs) + (bytes / rate) * SECOND_MS;
    await sleep(this.#freeMs - nowMs);
  }

  /** Passes bytes, and then the end, from one socket to the other. */
  connect(from: Socket, to: Socket): void {
    const { slice, rate } = this.#quality;
    const largest = slice ?? (rate === undefined ? Infinity : LARGEST_SLICE);
    let last = Promise.resolve();
    let written = 0;
    const pass = (act: () => void) => (this.held ? void this.held.push(act) : act());
    const behind = (act: () => Promise<void>) => (last = last.then(act));

    const write = async (chunk: Buffer, dueMs: number) => {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      for (let at = 0; at < chunk.length; at += largest) {
        const part = chunk.subarray(at, Math.min(chunk.length, at + largest));
        await this.#turn(part.length);
        pass(() => void (to.destroyed || to.write(part)));
        // One packet each; and others get their turn, too.
        written += 1;
        if (slice !== undefined && written % BURST === 0)
          await new Promise((resolve) => setImmediate(resolve));
      }
    };
    from.on('data', (chunk: Buffer) => {
      const dueMs = performance.now() + this.#delayMs();
      void behind(() => write(chunk, dueMs));
    });
    from.on('error', () => {});
    from.on('close', () => void behind(() => Promise.resolve(pass(() => to.destroy()))));
  }
}

/**
 * @param port of the server, on loopback
 * @param random chance, in [0, 1)
 */
export async function startPipe(
  port: number,
  quality: Quality = {},
  random: () => number = Math.random,
): Promise<Pipe> {
  let target = port;
  const ways = { requests: new Way(quality, random), replies: new Way(quality, random) };
  const sockets = new Set<Socket>();
  const breakAll = () => sockets.forEach((socket) => socket.destroy());
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = createConnection({ port: target, host: '127.0.0.1', noDelay: true });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    ways.requests.connect(client, upstream);
    ways.replies.connect(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hold(direction, { lose } = { lose: false }) {
      const way = ways[direction];
      const held: (() => void)[] = (way.held = []);
      return () => {
        way.held = null;
        if (lose) breakAll();
        else held.forEach((act) => act());
      };
    },
    retarget(to) {
      target = to;
      breakAll();
    },
    async close() {
      breakAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
