import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { startRedis } from '../support/redis-server.ts';
import { createBench, movableTime, type Bench, type Harness } from './harness.ts';

export interface RedisHarness extends Harness {
  /** The server's port. */
  port(): number;
  /** Empties the server and connects to it, by another way if `url` is given. */
  openBenchVia(url?: string): Promise<Bench>;
  /** Another broker on the server as it is, with time of its own. */
  broker(): Promise<Broker>;
}

export interface RedisHarnessOptions {
  readonly name?: string;
  /** More arguments of the server. */
  readonly args?: readonly string[];
  /** How its URL is changed for the broker. */
  url?(url: string): string;
}

/** One server for the test file, emptied for each bench. */
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
  async function freshVia(url = urlFor(server.url)): Promise<Bench> {
    await raw.call('FLUSHALL');
    const time = movableTime();
    const bench = createBench(await connectRedis({ url, nowMs: time.now }), time);
    onTestFinished(() => bench.close());
    return bench;
  }
  async function broker(): Promise<Broker> {
    const one = await connectRedis({ url: urlFor(server.url) });
    onTestFinished(() => one.close());
    return one;
  }
  return { name, port: () => server.port, openBench: () => freshVia(), openBenchVia, broker };
}
