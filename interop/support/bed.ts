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

/** One item of the checklist: its name begins with the item's number and, where it has two, the direction. */
export const item = test.skipIf(inject('goPeer') === null || !hasRedis());

/** Whether the checklist runs on a cluster of three masters (item 115) instead of a single server. */
const onCluster = process.env['INTEROP_CLUSTER'] === '1';

/** An item about a single server, what cuts a connection to it, or starts it late: there is no such test on a cluster. */
export const singleItem = (name: string, run: () => Promise<void>, timeoutMs?: number): void => {
  if (!onCluster) item(name, run, timeoutMs);
};

/** A worker of ours with what it tells. */
export interface OurWorker {
  readonly worker: Worker;
  readonly events: Events;
}

/** A single server or a cluster. */
export interface BedRedis {
  /** For our `connect`. */
  readonly url: string;
  /** `host:port`, of a cluster several with commas. */
  readonly address: string;
  /** Starts it anew, killing it first. */
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

/** A Redis with our broker; Go processes beside it. */
export interface Bed {
  readonly broker: Broker;
  readonly client: Client;
  /** The Redis, whatever it is. */
  readonly redis: BedRedis;
  /** Its port; of a single server only. */
  readonly port: number;
  /** A queue that nobody has used. */
  queue(): string;
  /** A Go process; it is killed when the test ends. */
  go(): GoPeer;
  /** A worker of ours that is not started; it is stopped when the test ends. */
  worker(options?: WorkerOptions): OurWorker;
  /** A command; blobs as strings, numbers as numbers. */
  ask(...args: readonly (string | number | Buffer)[]): Promise<unknown>;
  /** A field of a task's hash as bytes. */
  field(queue: string, id: string, name: string): Promise<Buffer | null>;
  /** The stored message of a task. */
  message(queue: string, id: string): Promise<TaskMessage>;
  /** Stores a message as it is, under its own ID and in this state; the index is the caller's. */
  put(message: Pick<TaskMessage, 'queue' | 'id'>, bytes: Buffer, state: string): Promise<void>;
  score(queue: string, set: string, id: string): Promise<number | null>;
  counters(queue: string): Promise<{ processed: number; failed: number }>;
}

/** One server for the test file. Each test has queues of its own, so that tests may run side by side. */
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
  // Bytes would not survive as UTF-8 text: the script gives them in hexadecimal.
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

/** Whole seconds of now, as Asynq has them. */
export const nowS = (): number => Math.floor(Date.now() / 1_000);

/** Resolves when it holds; the store tells nobody of its changes, so it is looked at again and again. */
export async function until(holds: () => Promise<boolean>, everyMs = 20): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, everyMs));
}
