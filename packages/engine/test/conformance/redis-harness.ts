import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { startRedis } from '../support/redis-server.ts';
import { createBench, movableTime, type Bench, type Harness } from './harness.ts';

export interface RedisHarness extends Harness {
  /** The server's port. */
  port(): number;
  /** Empties the server and connects to it. `url` may name a proxy before it. Default: the server itself. */
  openBenchVia(url?: string): Promise<Bench>;
  /** Connects another broker to the server, with the real time and without emptying it. */
  broker(): Promise<Broker>;
}

export interface RedisHarnessOptions {
  readonly name?: string;
  /** More arguments of `redis-server`. */
  readonly args?: readonly string[];
  /** Makes the URL for the broker from the URL of the server, such as one with a login. Default: the same URL. */
  url?(url: string): string;
}

/** One server for the whole test file. It is emptied for each bench. */
export function redisHarness(options: RedisHarnessOptions = {}): RedisHarness {
  const { name = 'Redis', args = [], url: urlFor = (url: string) => url } = options;
  let server: Awaited<ReturnType<typeof startRedis>>;
  let raw: RawRedis;
  beforeAll(async () => {
    server = await startRedis({ args });
    raw = await rawRedis(server.port);
  });
  afterAll(async () => {
    raw?.close();
    await server?.stop();
  });
  async function openBenchVia(url = urlFor(server.url)): Promise<Bench> {
    await raw.call('FLUSHALL');
    const time = movableTime();
    const bench = createBench(await connectRedis({ url, nowMs: time.now }), time);
    onTestFinished(() => bench.close());
    return bench;
  }
  async function broker(): Promise<Broker> {
    const other = await connectRedis({ url: urlFor(server.url) });
    onTestFinished(() => other.close());
    return other;
  }
  return {
    name,
    keepsSchedules: true,
    port: () => server.port,
    openBench: () => openBenchVia(),
    openBenchVia,
    broker,
  };
}
