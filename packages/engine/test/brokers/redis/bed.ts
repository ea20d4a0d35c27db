import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { Finish, LeasedTask, ExchangeOutcome } from '../../../src/broker/consume.ts';
import { RedisClient } from '../../../src/brokers/redis/client/redis-client.ts';
import { connectRedis } from '../../../src/brokers/redis/redis-broker.ts';
import { parseRedisUrl } from '../../../src/brokers/redis/client/url.ts';
import { createRuntime } from '../../../src/runtime/runtime.ts';
import { startRedis, type RedisServer } from '../../support/redis-server.ts';

/**
 * Not a whole second: rounding errors show. Far ahead of the server's own clock, by which counters with an expiry in the past
 * would be deleted at once.
 */
const START_MS = Date.UTC(2_040, 0, 1) + 250;

/** A test bed: a Redis server, a broker whose time only the test moves, and access to what is stored. */
export interface Bed {
  readonly broker: Broker;
  readonly client: RedisClient;
  readonly server: RedisServer;
  now(): number;
  advance(ms: number): void;
  /** Runs a command; bulk strings in the reply are decoded as text. */
  ask(...args: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** The fields of a hash as bytes. */
  hash(key: string): Promise<Record<string, Buffer>>;
  /** All keys, sorted, except those whose names or values depend on the client. */
  keys(): Promise<string[]>;
  exchange(options?: {
    finishes?: readonly Finish[];
    queues?: readonly string[];
    room?: number;
  }): Promise<ExchangeOutcome>;
  takeOne(): Promise<LeasedTask>;
}

function texts(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString();
  return Array.isArray(reply) ? reply.map(texts) : reply;
}

async function hashOf(connection: RedisClient, key: string): Promise<Record<string, Buffer>> {
  const flat = (await connection.command(['HGETALL', key])) as Buffer[];
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Buffer;
  return fields;
}

/** One server for the test file; its data is deleted before each test. */
export function redisBed(): Bed {
  let server: RedisServer;
  let broker: Broker;
  let connection: RedisClient;
  let nowMs = START_MS;

  beforeAll(async () => {
    server = await startRedis();
    const time = { nowMs: () => nowMs };
    connection = new RedisClient({ target: parseRedisUrl(server.url), runtime: createRuntime(), ...time });
    broker = await connectRedis({ url: server.url, ...time });
  });
  beforeEach(async () => {
    await broker.close();
    await connection.command(['FLUSHALL']);
    nowMs = START_MS;
    broker = await connectRedis({ url: server.url, nowMs: () => nowMs });
  });
  afterAll(async () => {
    await broker?.close();
    await connection?.close();
    await server?.stop();
  });

  const exchange: Bed['exchange'] = ({ finishes = [], queues = ['q'], room = 100 } = {}) =>
    broker.consume.exchange({ finishes, queues, room, leaseMs: 6_000, worker: 'host:7' });
  return {
    get broker() {
      return broker;
    },
    get client() {
      return connection;
    },
    get server() {
      return server;
    },
    now: () => nowMs,
    advance: (ms) => void (nowMs += ms),
    ask: async (...args) =>
      texts(await connection.command(args.map((arg) => (Buffer.isBuffer(arg) ? arg : String(arg))))),
    hash: (key) => hashOf(connection, key),
    async keys() {
      const all = (await connection.command(['KEYS', '*'])) as unknown[];
      return all
        .map(String)
        .filter((key) => !key.includes(':rc:') && key !== 'tc:meta')
        .sort();
    },
    exchange,
    async takeOne() {
      const [task] = (await exchange({ room: 1 })).tasks;
      if (!task) throw new Error('there was no task to take');
      return task;
    },
  };
}
