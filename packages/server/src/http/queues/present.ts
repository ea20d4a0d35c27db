/**
 * A queue in an answer. Each logical queue is two stored queues, one for callbacks and one for handler tasks; the answer
 * shows both and their sum.
 */
import { COUNTED_STATES, type CountedState, type Queue } from '@task-center/api';
import type { control, QueueFacts } from '@task-center/engine';
import { priorityOf } from '../tasks/present.ts';

type Counts = Record<CountedState, number>;

const countsOf = (counts: QueueFacts['counts']): Counts =>
  Object.fromEntries(COUNTED_STATES.map((state) => [state, counts[state]])) as Counts;

function sum(a: Counts, b: Counts): Counts {
  return Object.fromEntries(COUNTED_STATES.map((state) => [state, a[state] + b[state]])) as Counts;
}

/** The largest age in ms; null = there is none. */
function oldest(ages: readonly (number | null)[]): number | null {
  const known = ages.filter((age) => age !== null);
  return known.length === 0 ? null : Math.max(0, Math.round(Math.max(...known)));
}

/** What is known of a queue beside its facts. */
export interface QueueFigures {
  readonly minute: control.LastMinute | null;
  /** Bytes that its tasks take; null = not measured yet. */
  readonly memoryBytes: number | null;
}

/** A queue from the facts of its stored queues. Without `figures` all numbers are null: they would reveal other businesses. */
export function presentQueue(
  { name, callback, handler }: control.LogicalQueueFacts,
  figures: QueueFigures | null,
): Queue {
  const shown = figures !== null;
  const minute = figures?.minute ?? null;
  const presentKind = ({ counts, paused }: QueueFacts) => ({
    counts: shown ? countsOf(counts) : null,
    paused,
  });
  return {
    name,
    priority: priorityOf(name),
    paused: callback.paused || handler.paused,
    pause_reason: callback.pauseReason ?? handler.pauseReason,
    counts: shown ? sum(countsOf(handler.counts), countsOf(callback.counts)) : null,
    by_kind: { handler: presentKind(handler), callback: presentKind(callback) },
    oldest_aggregating_ms: shown ? oldest([callback.oldestAggregatingMs, handler.oldestAggregatingMs]) : null,
    oldest_pending_ms: shown ? oldest([callback.oldestPendingMs, handler.oldestPendingMs]) : null,
    rates: minute && minute.rates,
    error_rate: minute && minute.errorRate,
    wait_ms: minute && minute.waitMs,
    run_ms: minute && minute.runMs,
    memory_bytes: figures?.memoryBytes ?? null,
  };
}
