import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { connect } from '../../src/connect.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

/** Longest time after a fault until work goes on. */
const MAX_RESUME_MS = 5_000;

/** A worker behind a proxy, and a producer that is not. */
class Bench {
  readonly proxy: FaultProxy;
  readonly broker: Broker;
  readonly #server: RedisServer;
  readonly #brokers: Broker[];
  readonly #client: Client;
  readonly #worker: Worker;
  readonly #started = new Map<string, () => void>();
  #next = 0;
  /** While attempts must last: resolves when they may end. */
  #released: Promise<void> | null = null;

  static async open(options: WorkerOptions): Promise<Bench> {
    const server = await startRedis();
    const proxy = await startFaultProxy(server.port);
    const [behind, direct] = [await connect(proxy.url), await connect(server.url)];
    return new Bench({ server, proxy, behind, direct, options });
  }

  private constructor(deps: {
    server: RedisServer;
    proxy: FaultProxy;
    behind: Broker;
    direct: Broker;
    options: WorkerOptions;
  }) {
    this.#server = deps.server;
    this.proxy = deps.proxy;
    this.broker = deps.direct;
    this.#brokers = [deps.behind, deps.direct];
    this.#client = new Client(deps.direct);
    this.#worker = new Worker(deps.behind, deps.options);
    this.#worker.handle('x', async ({ id }) => {
      this.#started.get(id)?.();
      await this.#released;
    });
  }

  start(): Promise<void> {
    return this.#worker.start();
  }

  /** Number of tasks so far. */
  get tasks(): number {
    return this.#next;
  }

  /** Enqueues a task past the proxy; resolves when it has started, to the ms that this took. */
  async runTask(delayMs = 0): Promise<number> {
    const id = `t${(this.#next += 1)}`;
    const startedMs = performance.now();
    const started = new Promise<void>((resolve) => this.#started.set(id, resolve));
    await this.#client.enqueue('x', null, { id, delay: `${delayMs}ms`, retention: '1h' });
    await started;
    return performance.now() - startedMs;
  }

  runTasks(count: number): Promise<number[]> {
    return Promise.all(Array.from({ length: count }, () => this.runTask()));
  }

  /** Attempts that start from now on last until the result is called. */
  holdAttempts(): () => void {
    let release = () => {};
    this.#released = new Promise((resolve) => (release = resolve));
    return () => {
      this.#released = null;
      release();
    };
  }

  /** Checks that every task has ended once: all are stored as completed, and none was counted twice. */
  async expectAllEnded(): Promise<void> {
    const facts = async () => (await this.broker.inspect.queueFacts(['default']))[0];
    await until(async () => (await facts())?.counts.completed === this.#next, 20_000);
    expect(await facts()).toMatchObject({
      processed: this.#next,
      failed: 0,
      counts: { pending: 0, active: 0, retry: 0, scheduled: 0, archived: 0 },
    });
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await Promise.all(this.#brokers.map((broker) => broker.close()));
    await this.proxy.close();
    await this.#server.stop();
  }
}

/** Faults that strike once; new connections work afterwards. */
const FAULTS: [string, (proxy: FaultProxy) => unknown][] = [
  ['all connections are cut', (proxy) => proxy.cut('all')],
  ['the connection for wake-ups alone is cut', (proxy) => proxy.cut('signals')],
  ['the connection for calls alone is cut', (proxy) => proxy.cut('calls')],
  ['all connections are half open', (proxy) => proxy.deafen('all', 'both')],
  ['the connection for wake-ups alone is half open', (proxy) => proxy.deafen('signals', 'both')],
  ['the connection for calls alone is half open', (proxy) => proxy.deafen('calls', 'both')],
  ['replies and pushes get lost on all connections', (proxy) => proxy.deafen('all', 'replies')],
  ['pushes of wake-ups alone get lost', (proxy) => proxy.deafen('signals', 'replies')],
  ['replies to calls alone get lost', (proxy) => proxy.deafen('calls', 'replies')],
];

/** Runs the test on a worker that has run tasks already. */
async function onBench(run: (bench: Bench) => Promise<void>, options: WorkerOptions = {}): Promise<void> {
  const bench = await Bench.open({ concurrency: 5, ...options });
  try {
    await bench.start();
    await bench.runTasks(3);
    await run(bench);
    await bench.expectAllEnded();
  } finally {
    await bench.close();
  }
}

// Concurrent, because they wait most of the time.
describe.skipIf(!hasRedis())('a worker fetches again within 5 s when', { concurrent: true }, () => {
  test.each(FAULTS)('%s while it is idle', (_, strike) =>
    onBench(async (bench) => {
      strike(bench.proxy);
      const [now, delayed] = await Promise.all([bench.runTask(), bench.runTask(500)]);
      expect(now).toBeLessThan(MAX_RESUME_MS);
      expect(delayed).toBeLessThan(MAX_RESUME_MS + 500);
    }),
  );

  test.each(FAULTS)('%s while it works', (_, strike) =>
    onBench(async (bench) => {
      const release = bench.holdAttempts();
      await bench.runTasks(3);
      strike(bench.proxy);
      const resumed = bench.runTasks(10);
      release();
      for (const ms of await resumed) expect(ms).toBeLessThan(MAX_RESUME_MS);
    }),
  );

  const leaseMs = 2_000;
  /** Resolves when both connections of the worker were replaced twice. By then its leases have ended. */
  async function untilReplacedTwice({ proxy }: Bench): Promise<void> {
    const { connections } = proxy;
    await until(() => proxy.connections >= connections + 4);
  }

  test('everything gets lost for seconds, on new connections as well', () =>
    onBench(
      async (bench) => {
        const release = bench.holdAttempts();
        await bench.runTasks(2);
        bench.proxy.swallow(true);
        release();
        await untilReplacedTwice(bench);
        bench.proxy.swallow(false);
        for (const ms of await bench.runTasks(10)) expect(ms).toBeLessThan(MAX_RESUME_MS);
      },
      { lease: leaseMs },
    ));

  test('everything stalls for seconds and then arrives', () =>
    onBench(
      async (bench) => {
        const release = bench.holdAttempts();
        await bench.runTasks(2);
        const goOn = bench.proxy.stall();
        release();
        await untilReplacedTwice(bench);
        goOn();
        for (const ms of await bench.runTasks(10)) expect(ms).toBeLessThan(MAX_RESUME_MS);
      },
      { lease: leaseMs },
    ));
});

describe.skipIf(!hasRedis())(
  'when a connection is cut at any point of the life of some tasks',
  { concurrent: true },
  () => {
    test.each(['cutRequest', 'cutReply'] as const)('each of them ends once (%s)', async (cut) => {
      const bench = await Bench.open({ concurrency: 2 });
      await bench.start();
      for (let point = 0; point < 12; point += 1) {
        let left = point;
        const isCut = bench.proxy[cut](({ name }) => name.startsWith('EVAL') && (left -= 1) < 0);
        const some = [bench.runTask(), bench.runTask(100), bench.runTask()];
        await isCut;
        for (const ms of await Promise.all(some)) expect(ms).toBeLessThan(MAX_RESUME_MS);
      }
      await bench.expectAllEnded();
      await bench.close();
    });
  },
);
