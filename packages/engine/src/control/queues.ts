import type { DayCounts, QueueFacts } from '../broker/inspect.ts';

/** A queue with its counts, settings and figures. */
export interface QueueInfo extends QueueFacts {
  /** Tasks in all states. */
  readonly size: number;
  /** Attempts that ended today (UTC). */
  readonly today: DayCounts;
  /** Estimate of the bytes that its tasks take in the broker. */
  readonly memoryUsage: number;
}

/** Combines what the broker knows of a queue. */
export function queueInfo(facts: QueueFacts, today: DayCounts, memoryUsage: number): QueueInfo {
  const size = Object.values(facts.counts).reduce((sum, count) => sum + count, 0);
  return { ...facts, size, today, memoryUsage };
}
