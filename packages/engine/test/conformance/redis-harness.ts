import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Recovered, Step } from '../../src/broker/maintain.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { startRedis } from '../support/redis-server.ts';
import { MAX_CRASHES, movableTime, type Bench, type Harness } from './harness.ts';

/** A recoverer looks at least this often; after a longer gap the scripts hold off (reliability F.4). */
const SCAN_MS = 700;

type Time = ReturnType<typeof movableTime>;

async function scan(broker: Broker, steps: readonly Step[], totals: Recovered[]): Promise<void> {
  const outcomes = await broker.maintain.recover(steps, MAX_CRASHES);
  outcomes.forEach(({ recovered, archived }, i) => {
    const total = totals[i] ?? { recovered: 0, archived: 0 };
    totals[i] = { recovered: total.recovered + recovered, archived: total.archived + archived };
  });
}

function createBench(broker: Broker, time: Time): Bench {
  return {
    broker,
    now: time.now,
    advance: (ms) => Promise.resolve(time.advance(ms)),
    async recoverAfter(ms, steps) {
      const totals: Recovered[] = [];
      await scan(broker, steps, totals);
      for (let left = ms; left > 0; left -= SCAN_MS) {
        time.advance(Math.min(left, SCAN_MS));
        await scan(broker, steps, totals);
      }
      return totals;
    },
    close: () => broker.close(),
  };
}

export interface RedisHarness extends Harness {
  /** The server's port. */
  port(): number;
  /** Empties the server and connects to it, by another way if `url` is given. */
  freshVia(url?: string): Promise<Bench>;
  /** Another broker on the server as it is, with time of its own. */
  broker(): Promise<Broker>;
}

/** One server for the test file, emptied for each bench. */
export function redisHarness(): RedisHarness {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let raw: RawRedis;
  beforeAll(async () => {
    server = await startRedis();
    raw = await rawRedis(server.port);
  });
  afterAll(async () => {
    raw?.close();
    await server?.stop();
  });
  async function freshVia(url = server.url): Promise<Bench> {
    await raw.call('FLUSHALL');
    const time = movableTime();
    const bench = createBench(await connectRedis({ url, nowMs: time.now }), time);
    onTestFinished(() => bench.close());
    return bench;
  }
  async function broker(): Promise<Broker> {
    const one = await connectRedis({ url: server.url });
    onTestFinished(() => one.close());
    return one;
  }
  return { name: 'Redis', port: () => server.port, fresh: () => freshVia(), freshVia, broker };
}
