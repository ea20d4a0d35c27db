import { setImmediate as nextLoopRound } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Durability } from '../../src/broker/submit.ts';
import { Client } from '../../src/client/client.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { fsck } from '../../src/control/fsck.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from './until.ts';

/** Calls of the producers under way at once, at most. */
export const MAX_CALLS = 20;
/** Interval at which producers without a call under way make one. */
const PRODUCE_MS = 10;

export interface LoadOptions {
  /** Default: `default` alone. */
  readonly queues?: readonly string[];
  readonly durability?: Durability;
}

/** Producers and a worker on one broker, with a record of each task that was sent and each that ran. */
export class Load {
  /** IDs of the tasks that the broker has stored. */
  readonly acknowledged = new Set<string>();
  /** IDs of the tasks that the broker may have stored. */
  readonly doubtful = new Set<string>();
  /** IDs of the tasks that the broker has not stored. */
  readonly refused = new Set<string>();
  /** Number of runs by ID. */
  readonly runs = new Map<string, number>();
  readonly queues: readonly string[];
  longestCallMs = 0;
  readonly #client: Client;
  readonly #worker: Worker;
  readonly #durability: Durability;
  readonly #calls = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;

  constructor(broker: Broker, { queues = ['default'], durability = 'memory' }: LoadOptions = {}) {
    this.queues = queues;
    this.#durability = durability;
    this.#client = new Client(broker);
    this.#worker = new Worker(broker, { concurrency: 50, queues: [...queues] });
    this.#worker.handle('x', async ({ id }) => {
      this.runs.set(id, (this.runs.get(id) ?? 0) + 1);
      await nextLoopRound();
    });
  }

  async start(): Promise<void> {
    await this.#worker.start();
    this.#timer = setInterval(() => this.#produce(), PRODUCE_MS);
  }

  async stopProducing(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#calls);
  }

  async stop(): Promise<void> {
    await this.stopProducing();
    await this.#worker.stop();
  }

  #produce(): void {
    while (this.#calls.size < MAX_CALLS) {
      const call = this.#enqueue((this.#sent += 1)).finally(() => this.#calls.delete(call));
      this.#calls.add(call);
    }
  }

  async #enqueue(number: number): Promise<void> {
    const id = `t-${number}`;
    const queue = this.queues[number % this.queues.length] ?? 'default';
    const startedAt = performance.now();
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
    this.longestCallMs = Math.max(this.longestCallMs, performance.now() - startedAt);
  }
}

/** Resolves when the broker has stored more than `count` tasks; rejects after 20 s. */
export const waitForAcknowledged = (load: Load, count: number): Promise<void> =>
  until(() => load.acknowledged.size > count, 20_000);

/** Figures of all queues of a load together. */
export interface Totals {
  readonly processed: number;
  readonly failed: number;
  readonly completed: number;
  readonly archived: number;
}

/** Resolves when no task is pending, active or in retry in the queues of the load; rejects after 45 s. */
export async function waitUntilDrained(load: Load, broker: Broker): Promise<Totals> {
  await until(async () => {
    const facts = await broker.inspect.queueFacts(load.queues);
    return facts.every(({ counts }) => counts.pending + counts.active + counts.retry === 0);
  }, 45_000);
  const facts = await broker.inspect.queueFacts(load.queues);
  const sum = (pick: (queue: (typeof facts)[number]) => number): number =>
    facts.reduce((total, queue) => total + pick(queue), 0);
  return {
    processed: sum(({ processed }) => processed),
    failed: sum(({ failed }) => failed),
    completed: sum(({ counts }) => counts.completed),
    archived: sum(({ counts }) => counts.archived),
  };
}

/**
 * Waits until the load is drained. Then checks that no acknowledged task was lost, that none ran or was counted twice, that
 * none of the refused tasks was stored, and that fsck finds no faults.
 */
export async function expectKept(load: Load, broker: Broker): Promise<void> {
  const totals = await waitUntilDrained(load, broker);
  for (const id of load.acknowledged) expect(load.runs.get(id), `runs of ${id}`).toBe(1);
  for (const id of load.doubtful) expect(load.runs.get(id) ?? 0, `runs of ${id}`).toBeLessThanOrEqual(1);
  for (const id of load.refused) expect(load.runs.has(id), `${id} ran`).toBe(false);
  expect((await fsck(broker)).findings).toEqual([]);
  expect(totals).toEqual({ processed: load.runs.size, failed: 0, completed: load.runs.size, archived: 0 });
}
