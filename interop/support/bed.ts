import { afterAll, beforeAll, inject, onTestFinished, test } from 'vitest';
import {
  Client,
  connect,
  Events,
  Worker,
  type Broker,
  type WorkerOptions,
} from '../../packages/engine/src/index.ts';
import { decodeMessage, type TaskMessage } from '../../packages/engine/src/protocol/message.ts';
import { startCluster } from '../../packages/engine/test/support/redis-cluster.ts';
import { hasRedis, startRedis, type RedisOptions } from '../../packages/engine/test/support/redis-server.ts';
import { rawRedis } from '../../packages/engine/test/support/raw-redis.ts';
import { startGoPeer, type GoPeer } from './go-peer.ts';

/** A test of the checklist. Its name begins with the number of the item and, if it has two directions, the direction. */
export const item = test.skipIf(inject('goPeer') === null || !hasRedis());

/** Whether the checklist runs on a cluster of three masters (item 115) instead of on a single server. */
const onCluster = process.env['INTEROP_CLUSTER'] === '1';

/** An item that needs a single server, to cut its connections for example. It is left out on a cluster. */
export const singleItem = (name: string, run: () => Promise<void>, timeoutMs?: number): void => {
  if (!onCluster) item(name, run, timeoutMs);
};

/** A worker of ours with its events. */
export interface OurWorker {
  readonly worker: Worker;
  readonly events: Events;
}

/** A single server or a cluster. */
export interface BedRedis {
  /** For our `connect`. */
  readonly url: string;
  /** `host:port`; for a cluster several, with commas. */
  readonly address: string;
  /** Kills it and starts it again. */
  restart(): Promise<void>;
}

interface Started extends BedRedis {
  call(...args: readonly (string | Buffer)[]): Promise<unknown>;
  stop(): Promise<void>;
}

async function startSingle(options: RedisOptions): Promise<Started> {
  const server = await startRedis(options);
  const raw = await rawRedis(server.port);
  return {
    url: server.url,
    address: `127.0.0.1:${server.port}`,
    call: raw.call,
    restart: () => server.restart(),
    async stop() {
      raw.close();
      await server.stop();
    },
  };
}

async function startMasters({ appendonly = false, args = [] }: RedisOptions): Promise<Started> {
  const kept = appendonly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const cluster = await startCluster(3, [...kept, ...args]);
  const { url, call, restart, stop } = cluster;
  return { url, address: url.replace('redis-cluster://', ''), call, restart, stop };
}

/** A Redis with our broker, and Go processes on demand. */
export interface Bed {
  readonly broker: Broker;
  readonly client: Client;
  /** The server or cluster. */
  readonly redis: BedRedis;
  /** The port of a single server. */
  readonly port: number;
  /** A new queue name. */
  queue(): string;
  /** Starts a Go process, which is killed when the test ends. */
  go(): GoPeer;
  /** Creates a worker of ours, which is stopped when the test ends. The test starts it. */
  worker(options?: WorkerOptions): OurWorker;
  /** Sends a command; replies are strings and numbers. */
  ask(...args: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** A field of a task's hash as bytes. */
  field(queue: string, id: string, name: string): Promise<Buffer | null>;
  /** The stored message of a task. */
  message(queue: string, id: string): Promise<TaskMessage>;
  /** Stores the hash of a task with these bytes as its message. The caller adds the ID to a list or set. */
  put(message: Pick<TaskMessage, 'queue' | 'id'>, bytes: Buffer, state: string): Promise<void>;
  /** The score of an ID in a sorted set of the queue; null = it is not there. */
  score(queue: string, set: string, id: string): Promise<number | null>;
  counters(queue: string): Promise<{ processed: number; failed: number }>;
}

/** One Redis for a test file. Each test uses queues of its own, which lets tests run side by side. */
export function interopBed(options: RedisOptions = {}): Bed {
  let redis: Started;
  let broker: Broker;
  let count = 0;

  beforeAll(async () => {
    if (inject('goPeer') === null || !hasRedis()) return;
    redis = await (onCluster ? startMasters(options) : startSingle(options));
    broker = await connect(redis.url);
  });
  afterAll(async () => {
    await broker?.close();
    await redis?.stop();
  });

  const ask: Bed['ask'] = (...args) =>
    redis.call(...args.map((arg) => (Buffer.isBuffer(arg) ? arg : String(arg))));
  // Replies are decoded as UTF-8, which would destroy other bytes: the script returns them in hexadecimal.
  const HEX =
    "return (redis.call('HGET',KEYS[1],ARGV[1]) or 'x'):gsub('.',function(c) return string.format('%02x',c:byte()) end)";

  return {
    get broker() {
      return broker;
    },
    get client() {
      return new Client(broker);
    },
    get redis() {
      return redis;
    },
    get port() {
      return Number(redis.address.replace(/^.*:/, ''));
    },
    queue: () => `q${(count += 1)}`,
    go() {
      const peer = startGoPeer(redis.address);
      onTestFinished(() => peer.kill());
      return peer;
    },
    worker(workerOptions = {}) {
      const events = new Events();
      const worker = new Worker(broker, { ...workerOptions, runtime: { events, ...workerOptions.runtime } });
      onTestFinished(() => worker.stop());
      return { worker, events };
    },
    ask,
    async field(queue, id, name) {
      const key = `asynq:{${queue}}:t:${id}`;
      if ((await ask('HEXISTS', key, name)) === 0) return null;
      return Buffer.from((await ask('EVAL', HEX, 1, key, name)) as string, 'hex');
    },
    async message(queue, id) {
      const bytes = await this.field(queue, id, 'msg');
      if (!bytes) throw new Error(`no task ${id} in ${queue}`);
      return decodeMessage(bytes).message;
    },
    async put({ queue, id }, bytes, state) {
      await ask('SADD', 'asynq:queues', queue);
      await ask('HSET', `asynq:{${queue}}:t:${id}`, 'msg', bytes, 'state', state);
    },
    async score(queue, set, id) {
      const score = await ask('ZSCORE', `asynq:{${queue}}:${set}`, id);
      return score === null ? null : Number(score);
    },
    async counters(queue) {
      const [processed, failed] = (await ask(
        'MGET',
        `asynq:{${queue}}:processed`,
        `asynq:{${queue}}:failed`,
      )) as (string | null)[];
      return { processed: Number(processed ?? 0), failed: Number(failed ?? 0) };
    },
  };
}

/** The current Unix time in whole seconds, as Asynq stores it. */
export const nowS = (): number => Math.floor(Date.now() / 1_000);

/** Polls until `holds` is true: Redis does not announce changes. */
export async function until(holds: () => Promise<boolean>, everyMs = 20): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, everyMs));
}
