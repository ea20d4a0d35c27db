import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { connect } from '../../src/connect.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Worker } from '../../src/worker/worker.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';

const LANES = 20;

/** Producers and a worker on one Redis, with a book of what each was told. */
class Load {
  readonly acknowledged = new Set<string>();
  readonly doubtful = new Set<string>();
  readonly refused = new Set<string>();
  readonly runs = new Map<string, number>();
  longestCallMs = 0;
  readonly #client: Client;
  readonly #worker: Worker;
  #producing = true;
  #lanes: Promise<void>[] = [];
  #next = 0;

  constructor(broker: Broker) {
    this.#client = new Client(broker);
    this.#worker = new Worker(broker, { concurrency: 50 });
    this.#worker.handle('x', async ({ id }) => {
      this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
      await sleep(1);
    });
  }

  async start(): Promise<void> {
    await this.#worker.start();
    this.#lanes = Array.from({ length: LANES }, () => this.#lane());
  }

  async stopProducing(): Promise<void> {
    this.#producing = false;
    await Promise.all(this.#lanes);
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }

  async #lane(): Promise<void> {
    while (this.#producing) {
      await this.#one(`t-${(this.#next += 1)}`);
      await sleep(10);
    }
  }

  async #one(id: string): Promise<void> {
    const began = performance.now();
    try {
      await this.#client.enqueue('x', { id }, { id, retention: '1h' });
      this.acknowledged.add(id);
    } catch (error) {
      if (!(error instanceof TaskCenterError) || error.code !== 'broker-unavailable') throw error;
      const { outcome } = error.details as { outcome: string };
      (outcome === 'unknown' ? this.doubtful : this.refused).add(id);
    }
    this.longestCallMs = Math.max(this.longestCallMs, performance.now() - began);
  }
}

async function until(holds: () => Promise<boolean>, limitMs: number): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it did not come true in time');
    await sleep(50);
  }
}

const moreThan = (load: Load, count: number) => until(async () => load.acknowledged.size > count, 20_000);

/** Nothing acknowledged is lost, nothing ran or was counted twice, nothing refused was stored. */
async function expectKept(load: Load, broker: Broker): Promise<void> {
  await until(async () => {
    const [facts] = await broker.inspect.queueFacts(['default']);
    return facts?.counts.pending === 0 && facts.counts.active === 0 && facts.counts.retry === 0;
  }, 30_000);
  for (const id of load.acknowledged) expect(load.runs.get(id), `runs of ${id}`).toBe(1);
  for (const id of load.doubtful) expect(load.runs.get(id) ?? 0, `runs of ${id}`).toBeLessThanOrEqual(1);
  for (const id of load.refused) expect(load.runs.has(id), `${id} ran`).toBe(false);
  const [facts] = await broker.inspect.queueFacts(['default']);
  expect(facts).toMatchObject({ processed: load.runs.size, failed: 0 });
  expect(facts?.counts).toMatchObject({ completed: load.runs.size, archived: 0 });
}

describe.skipIf(!hasRedis())('a Redis that goes away under load', () => {
  let redis: RedisServer;
  let broker: Broker;
  let load: Load;

  beforeEach(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    broker = await connect(redis.url);
    load = new Load(broker);
    await load.start();
    await moreThan(load, 500);
  });

  afterEach(async () => {
    await load.stop();
    await broker.close();
    await redis.stop();
  });

  test('stopped for 20 s: calls end within 5 s with a clear error, then all goes on by itself', async () => {
    redis.pause();
    await sleep(20_000);
    redis.resume();
    await moreThan(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });

  test('killed and started again: nothing acknowledged is lost', async () => {
    await redis.kill();
    await sleep(7_000);
    await redis.restart();
    await moreThan(load, load.acknowledged.size + 500);
    await load.stopProducing();
    await expectKept(load, broker);
    expect(load.doubtful.size + load.refused.size).toBeGreaterThan(0);
    expect(load.longestCallMs).toBeLessThan(5_500);
  });
});
