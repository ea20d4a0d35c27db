import { createLoop } from '../../runtime/loop.ts';
import { GroupSearch } from './group-search.ts';
import { readRules, type AggregationOptions } from './rules.ts';
import { SetsUnderWay, type SetDeps } from './sets.ts';

export interface AggregatorDeps extends Omit<SetDeps, 'aggregate'> {
  /** Stored queues to look at. Called at each step. */
  queues(): readonly string[];
}

/** Takes the tasks of groups that are ready and has one task made of them. */
export interface Aggregator {
  start(): void;
  /** Takes no more sets. Resolves when those under way have ended. */
  stop(): Promise<void>;
  /** Aborts the signals of the sets under way. */
  abort(): void;
}

/** Longest time between two steps, as in Asynq. A shorter grace period shortens it. */
const MAX_STEP_INTERVAL_MS = 7_000;
/** Sets under way at once, as in Asynq. */
const MAX_CONCURRENT_SETS = 3;

/** The queues, beginning behind the one that was served last. A busy queue then keeps no other waiting. */
function inTurn(queues: readonly string[], lastServed: string | null): string[] {
  const from = lastServed === null ? 0 : queues.indexOf(lastServed) + 1;
  return [...queues.slice(from), ...queues.slice(0, from)];
}

/** @throws TaskCenterError `invalid-value` */
export function createAggregator(options: AggregationOptions, deps: AggregatorDeps): Aggregator {
  const { runtime, queues, broker } = deps;
  const rules = readRules(options);
  const sets = new SetsUnderWay({ ...deps, aggregate: options.aggregate }, () => loop.wake());
  const search = new GroupSearch(broker.groups, rules);
  let lastServed: string | null = null;

  async function take(queue: string): Promise<void> {
    const taken = await search.take(queue, MAX_CONCURRENT_SETS - sets.size);
    if (taken.length > 0) lastServed = queue;
    for (const set of taken) sets.begin(set);
  }

  const loop = createLoop({
    name: 'aggregator',
    runtime,
    async step(signal) {
      const failures: unknown[] = [];
      for (const queue of inTurn(queues(), lastServed)) {
        if (sets.size >= MAX_CONCURRENT_SETS || signal.aborted) break;
        // An error in one queue must not keep the others waiting.
        await take(queue).catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
      return Math.min(MAX_STEP_INTERVAL_MS, rules.graceMs);
    },
  });

  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      await sets.ended();
    },
    abort: () => sets.abort(),
  };
}
