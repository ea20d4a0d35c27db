import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Durability } from '../../src/broker/submit.ts';
import { Client } from '../../src/client/client.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { fsck } from '../../src/inspector/fsck.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from './until.ts';

/** Calls of producers under way at once, at most. */
export const MAX_CALLS = 20;
/** At this pace producers that have no call under way make one. */
const PACE_MS = 10;

export interface LoadOptions {
  /** Default: `default` alone. */
  readonly queues?: readonly string[];
  readonly durability?: Durability;
}

/** Producers and a worker on one broker, with a book of what each was told. */
export class Load {
  readonly acknowledged = new Set<string>();
  readonly doubtful = new Set<string>();
  readonly refused = new Set<string>();
  readonly runs = new Map<string, number>();
  readonly queues: readonly string[];
  longestCallMs = 0;
  readonly #client: Client;
  readonly #worker: Worker;
  readonly #durability: Durability;
  readonly #calls = new Set<Promise<void>>();
  #pace: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(broker: Broker, { queues = ['default'], durability = 'memory' }: LoadOptions = {}) {
    this.queues = queues;
    this.#durability = durability;
    this.#client = new Client(broker);
    this.#worker = new Worker(broker, { concurrency: 50, queues: [...queues] });
    this.#worker.handle('x', async ({ id }) => {
      this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
      await turnOfLoop();
    });
  }

  async start(): Promise<void> {
    await this.#worker.start();
    this.#pace = setInterval(() => this.#produce(), PACE_MS);
  }

  async stopProducing(): Promise<void> {
    clearInterval(this.#pace);
    await Promise.all(this.#calls);
  }

  async stop(): Promise<void> {
    await this.stopProducing();
    await this.#worker.stop();
  }

  #produce(): void {
    while (this.#calls.size < MAX_CALLS) {
      const call = this.#one((this.#next += 1)).finally(() => this.#calls.delete(call));
      this.#calls.add(call);
    }
  }

  async #one(number: number): Promise<void> {
    const id = `t-${number}`;
    const queue = this.queues[number % this.queues.length] ?? 'default';
    const began = performance.now();
    try {
      await this.#client.enqueue('x', { id }, { id, queue, retention: '1h', durability: this.#durability });
      this.acknowledged.add(id);
    } catch (error) {
      if (!(error instanceof TaskCenterError)) throw error;
      if (error.code === 'durability-not-reached') this.doubtful.add(id);
      else if (error.code !== 'broker-unavailable') throw error;
      else
        ((error.details as { outcome: string }).outcome === 'unknown' ? this.doubtful : this.refused).add(id);
    }
    this.longestCallMs = Math.max(this.longestCallMs, performance.now() - began);
  }
}

export const waitForAcknowledged = (load: Load, count: number): Promise<void> =>
  until(() => load.acknowledged.size > count, 20_000);

export interface Totals {
  readonly processed: number;
  readonly failed: number;
  readonly completed: number;
  readonly archived: number;
}

/** Resolves when nothing waits or runs in the load's queues any more, with the sums over them. */
export async function waitUntilDrained(load: Load, broker: Broker): Promise<Totals> {
  await until(async () => {
    const facts = await broker.inspect.queueFacts(load.queues);
    return facts.every(({ counts }) => counts.pending + counts.active + counts.retry === 0);
  }, 45_000);
  const facts = await broker.inspect.queueFacts(load.queues);
  const sum = (of: (one: (typeof facts)[number]) => number): number =>
    facts.reduce((total, one) => total + of(one), 0);
  return {
    processed: sum(({ processed }) => processed),
    failed: sum(({ failed }) => failed),
    completed: sum(({ counts }) => counts.completed),
    archived: sum(({ counts }) => counts.archived),
  };
}

/** Nothing acknowledged is lost, nothing ran or was counted twice, nothing refused was stored, all of it is sound. */
export async function expectKept(load: Load, broker: Broker): Promise<void> {
  const ended = await waitUntilDrained(load, broker);
  for (const id of load.acknowledged) expect(load.runs.get(id), `runs of ${id}`).toBe(1);
  for (const id of load.doubtful) expect(load.runs.get(id) ?? 0, `runs of ${id}`).toBeLessThanOrEqual(1);
  for (const id of load.refused) expect(load.runs.has(id), `${id} ran`).toBe(false);
  expect((await fsck(broker)).findings).toEqual([]);
  expect(ended).toEqual({ processed: load.runs.size, failed: 0, completed: load.runs.size, archived: 0 });
}
