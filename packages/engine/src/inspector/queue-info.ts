import type { DayCounts, QueueFacts } from '../broker/inspect.ts';

/** A queue at a glance. */
export interface QueueInfo extends QueueFacts {
  /** Tasks in all states. */
  readonly size: number;
  /** Attempts that ended today (UTC). */
  readonly today: DayCounts;
  /** What its tasks take in the broker, bytes; an estimate. */
  readonly memoryUsage: number;
}

/** All that is known of a queue, put together. */
export function queueInfo(facts: QueueFacts, today: DayCounts, memoryUsage: number): QueueInfo {
  const size = Object.values(facts.counts).reduce((sum, count) => sum + count, 0);
  return { ...facts, size, today, memoryUsage };
}
