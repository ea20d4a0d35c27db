import { setImmediate as nextLoopRound } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { fsck } from '../../src/control/fsck.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';

const PRODUCERS = 8;
const BATCH = 50;
const MAX_WAITING = 3_000;

/** Producers and a worker that send and run tasks of every kind, as fast as they can, until they are stopped. */
class Traffic {
  readonly #client: Client;
  readonly #worker: Worker;
  #isProducing = true;
  #producers: Promise<void>[] = [];
  #resolveRun = () => {};
  #nextRun = this.#createNextRun();
  stored = 0;
  ran = 0;

  constructor(broker: Broker) {
    this.#client = new Client(broker);
    const aggregation = { gracePeriod: '1s', maxSize: 20, aggregate: () => ({ task: 'now' }) } as const;
    this.#worker = new Worker(broker, { queues: ['q'], concurrency: 100, aggregation });
    const failed = new Set<string>();
    this.#worker
      .handle('fails-once', ({ id }) => {
        if (failed.delete(id)) return this.#countRun();
        failed.add(id);
        throw new Error('the first time');
      })
      .handle('*', async () => {
        this.#countRun();
        await nextLoopRound();
      });
  }

  async start(): Promise<void> {
    await this.#worker.start();
    this.#producers = Array.from({ length: PRODUCERS }, (_, producer) => this.#produce(producer));
  }

  async stop(): Promise<void> {
    this.#isProducing = false;
    await Promise.all(this.#producers);
    await this.#worker.stop();
  }

  #countRun(): void {
    this.ran += 1;
    this.#resolveRun();
    this.#nextRun = this.#createNextRun();
  }

  #createNextRun(): Promise<void> {
    return new Promise((resolve) => (this.#resolveRun = resolve));
  }

  async #produce(producer: number): Promise<void> {
    const backoff = { kind: 'fixed', delay: 20, jitter: 0 } as const;
    const kinds = [
      { task: 'now', options: {} },
      { task: 'kept', options: { retention: '2s' } },
      { task: 'later', options: { delay: '30ms' } },
      { task: 'fails-once', options: { backoff } },
      { task: 'unique', options: { unique: '1h' } },
      { task: 'grouped', options: { group: `g${producer}` } },
    ] as const;
    for (let n = 0; this.#isProducing; n += 1) {
      // fsck would never come to the end of a backlog that grows while it is checked.
      while (this.#isProducing && this.stored - this.ran > MAX_WAITING) await this.#nextRun;
      const tasks = Array.from({ length: BATCH }, (_, i) => {
        const { task, options } = kinds[(n + i) % kinds.length]!;
        return { task, payload: { producer, n, i }, queue: 'q', ...options };
      });
      const results = await this.#client.enqueueMany(tasks, { outcomes: true });
      // Tasks in groups do not run themselves.
      this.stored += results.filter(
        (result) => 'task' in result && result.task.state !== 'aggregating',
      ).length;
    }
  }
}

/** @param timeMs how long fsck runs again and again, unless it is slow */
export function testLiveFsck(timeMs: number): void {
  let store: TestStore | undefined;
  afterEach(() => store?.remove());

  describe.each(brokerKinds.filter(({ available }) => available))('under full load on $name', (kind) => {
    test('fsck neither reports nor repairs what is merely in motion', async () => {
      store = await kind.createStore();
      const broker = await store.connect();
      const traffic = new Traffic(broker);
      await traffic.start();
      const end = performance.now() + timeMs;
      let checks = 0;
      while (performance.now() < end || checks < 2 || traffic.ran <= 1_000) {
        expect(await fsck(broker, { pause: 20, repair: checks % 2 === 1 })).toMatchObject({ findings: [] });
        checks += 1;
      }
      await traffic.stop();
      expect(checks).toBeGreaterThan(1);
      expect(traffic.stored).toBeGreaterThan(1_000);
      expect(traffic.ran).toBeGreaterThan(1_000);
      expect(await fsck(broker)).toMatchObject({ findings: [] });
    });
  });
}
