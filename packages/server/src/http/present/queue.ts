import { LISTED_STATES, type ListedState, type Queue } from '@task-center/api';
import type { QueueFacts } from '@task-center/engine';
import { priorityOf } from './task.ts';

type Counts = Record<ListedState, number>;

const countsOf = (counts: QueueFacts['counts']): Counts =>
  Object.fromEntries(LISTED_STATES.map((state) => [state, counts[state]])) as Counts;

function sum(a: Counts, b: Counts): Counts {
  return Object.fromEntries(LISTED_STATES.map((state) => [state, a[state] + b[state]])) as Counts;
}

function oldest(ages: readonly (number | null)[]): number | null {
  const known = ages.filter((age) => age !== null);
  return known.length === 0 ? null : Math.max(0, Math.round(Math.max(...known)));
}

interface Both {
  readonly callback: QueueFacts;
  readonly handler: QueueFacts;
}

/** A queue from the facts of its two places; whole-queue figures are null where they are not `shown`. */
export function presentQueue(name: string, { callback, handler }: Both, shown: boolean): Queue {
  const place = ({ counts, paused }: QueueFacts) => ({ counts: shown ? countsOf(counts) : null, paused });
  return {
    name,
    priority: priorityOf(name),
    paused: callback.paused || handler.paused,
    pause_reason: callback.pauseReason ?? handler.pauseReason,
    counts: shown ? sum(countsOf(handler.counts), countsOf(callback.counts)) : null,
    by_kind: { handler: place(handler), callback: place(callback) },
    oldest_pending_ms: shown ? oldest([callback.oldestPendingMs, handler.oldestPendingMs]) : null,
  };
}
