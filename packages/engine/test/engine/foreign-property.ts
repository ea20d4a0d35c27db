import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../src/client/client.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import { Events } from '../../src/runtime/events.ts';
import type { LogFields } from '../../src/runtime/log.ts';
import { Worker } from '../../src/worker/worker.ts';
import {
  foreignItems,
  seedFromEnvironment,
  storeForeignItems,
  type ForeignItem,
  type ForeignId,
} from '../support/foreign-data.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';

const LONG = '1h';
const STATES = ['pending', 'active', 'scheduled', 'retry', 'completed', 'cancelled', 'archived'] as const;
/** Indexes that loops read at once. In the others a foreign ID stays until its time, or for ever. */
const READ_BY_LOOPS = new Set(['pending', 'lease', 'scheduled', 'retry']);

/** How the handler of `fails-once` fails. */
const FIRST_FAILURE = 'the first time';

/** A queue with foreign data and good tasks, and a worker that gets both. */
class Scene {
  readonly raw: RawRedis;
  readonly #events = new Events();
  readonly #faults: unknown[] = [];
  readonly #quarantined = new Set<string>();
  readonly #renamedKeys: string[] = [];
  readonly #good: string[] = [];
  readonly #broker;
  readonly #worker: Worker;
  readonly #failedOnce = new Set<string>();

  static async open(raw: RawRedis, url: string): Promise<Scene> {
    await raw.call('FLUSHALL');
    return new Scene(raw, await connectRedis({ url }));
  }

  private constructor(raw: RawRedis, broker: Awaited<ReturnType<typeof connectRedis>>) {
    this.raw = raw;
    this.#broker = broker;
    const collectError = ({ err }: LogFields) => {
      // The failure of a handler is no fault of the engine.
      const isFailure = (err as { message?: string } | undefined)?.message === FIRST_FAILURE;
      if (err !== undefined && !isFailure) this.#faults.push(err);
    };
    const log = { debug() {}, info() {}, warn: collectError, error: collectError };
    this.#events.on('loop.failed', (event) => this.#faults.push(event));
    this.#events.on('tasks.quarantined', ({ ids }) => ids.forEach((id) => this.#quarantined.add(id)));
    this.#events.on('queue.repaired', ({ renamedKeys }) => void this.#renamedKeys.push(...renamedKeys));
    const runtime = { events: this.#events, log };
    const aggregation = { maxSize: 1, aggregate: () => ({ task: 'made of a group' }) };
    this.#worker = new Worker(broker, { queues: ['q'], concurrency: 5, aggregation, runtime });
    this.#worker
      .handle('good', () => {})
      .handle('fails-once', ({ id }) => {
        if (this.#failedOnce.has(id)) return;
        this.#failedOnce.add(id);
        throw new Error(FIRST_FAILURE);
      })
      .handle('*', () => {});
  }

  get inspector(): Inspector {
    return new Inspector(this.#broker);
  }

  /**
   * Enqueues valid tasks of several kinds. While a key has a wrong type they are refused with `broker-corrupt`; any other
   * error is a fault.
   */
  async enqueueGood(prefix: string): Promise<void> {
    const client = new Client(this.#broker);
    const backoff = { kind: 'fixed', delay: 10, jitter: 0 } as const;
    const enqueue = async (name: string, task: string, more: object) => {
      const id = `${prefix}-${name}`;
      this.#good.push(id);
      await expect
        .poll(
          () =>
            client.enqueue(task, id, { queue: 'q', id, retention: LONG, ...more }).then(Boolean, wasAccepted),
          {
            timeout: 20_000,
          },
        )
        .toBe(true);
    };
    await enqueue('now', 'good', {});
    await enqueue('soon', 'good', { delay: '30ms' });
    await enqueue('fails', 'fails-once', { backoff });
    await enqueue('unique', 'good', { unique: LONG });
  }

  async run(): Promise<void> {
    await this.#worker.start();
    await this.enqueueGood('late');
    if ((await this.inspector.queues.get('q')).paused) await this.inspector.queues.resume('q');
  }

  async expectGoodEnded(): Promise<void> {
    for (const id of this.#good) {
      const state = () => this.inspector.tasks.get({ queue: 'q', id }).then((task) => task.state, String);
      await expect.poll(state, { timeout: 20_000, interval: 10, message: id }).toBe('completed');
    }
    expect(this.#faults).toEqual([]);
  }

  /** IDs that no worker can run have left the indexes of the loops, and were reported and counted. */
  async expectBadQuarantined(items: readonly ForeignId[]): Promise<void> {
    const { inspector } = this;
    for (const { id, index } of items) {
      await expect
        .poll(() => this.#quarantined.has(id), { timeout: 20_000, message: `${index} ${id}` })
        .toBe(true);
      const found = () =>
        inspector.tasks.get({ queue: 'q', id }).then(
          (task) => task.state,
          (error: TaskCenterError) => error.code,
        );
      // If another key had a wrong type at that time, the lease of the task must expire first.
      await expect
        .poll(found, { timeout: 30_000 })
        .toSatisfy((state) => state === 'archived' || state === 'task-not-found');
    }
    const { anomalies } = await inspector.queues.get('q');
    expect(anomalies.renamedKeys).toBeGreaterThanOrEqual(this.#renamedKeys.length);
    const names = new Set(this.#renamedKeys.map((key) => key.replace(/^.*?\}:/, '')));
    for (const name of names) expect(await this.raw.call('KEYS', `tc:{q}:aside:${name}:*`)).not.toEqual([]);
    expect(anomalies.dropped + anomalies.archived).toBeGreaterThanOrEqual(items.length);
  }

  /** The inspector can show the queue, all its lists included. */
  async expectShown(): Promise<void> {
    const { inspector } = this;
    await inspector.queues.list();
    const info = await inspector.queues.get('q');
    for (const value of [info.processed, info.failed, info.memoryUsage, info.size])
      expect(value).toSatisfy(Number.isFinite);
    await inspector.queues.history('q', 3);
    for (const { group } of await inspector.queues.groups('q'))
      await inspector.tasks.list('q', 'aggregating', { group });
    for (const state of STATES) {
      let cursor: string | null = null;
      do {
        const page = await inspector.tasks.list('q', state, { limit: 5, cursor });
        cursor = page.cursor;
      } while (cursor !== null);
    }
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await this.#broker.close();
  }
}

/** False if a call was refused because of a key of a wrong type; throws other errors. */
const wasAccepted = (error: unknown): boolean => {
  if (error instanceof TaskCenterError && error.code === 'broker-corrupt') return false;
  throw error;
};

/** Whether an item is an ID that no worker can run, in an index that a loop reads at once. */
const mustBeReported = (item: ForeignItem): item is ForeignId =>
  item.kind === 'id' &&
  item.body !== 'wrong-values' &&
  READ_BY_LOOPS.has(item.index) &&
  (item.due || item.index === 'pending');

async function survives(raw: RawRedis, url: string, items: readonly ForeignItem[]): Promise<void> {
  const scene = await Scene.open(raw, url);
  try {
    await scene.enqueueGood('early');
    const stored = await storeForeignItems(raw, items);
    await scene.run();
    await scene.expectGoodEnded();
    await scene.expectBadQuarantined(stored.filter(mustBeReported));
    await scene.expectShown();
  } finally {
    await scene.close();
  }
}

/** @param timeLimitMs no run begins after this time */
export function testForeignData(timeLimitMs: number): void {
  describe.skipIf(!hasRedis())('with any foreign data in the keys of a queue', () => {
    let server: RedisServer;
    let raw: RawRedis;
    beforeAll(async () => {
      server = await startRedis();
      raw = await rawRedis(server.port);
    });
    afterAll(async () => {
      raw.close();
      await server.stop();
    });

    test(
      'good tasks end, loops go on, and bad data is quarantined, counted and shown',
      { timeout: 200_000 },
      async () => {
        const end = performance.now() + timeLimitMs;
        // A run is not interrupted by fast-check, since it would go on beside the next test.
        const property = fc.asyncProperty(foreignItems, async (items) => {
          if (performance.now() < end) await survives(raw, server.url, items);
        });
        await fc.assert(property, { numRuns: 500, endOnFailure: true, ...seedFromEnvironment() });
      },
    );
  });
}
