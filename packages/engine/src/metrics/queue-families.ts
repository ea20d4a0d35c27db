import type { QueueFacts } from '../broker/inspect.ts';
import type { QueueTotals } from '../broker/totals.ts';
import type { MetricName } from './definitions/all.ts';
import type { BrokerReading } from './broker-reading.ts';
import type { QueueLabels, NamedQueue } from './queue-labels.ts';
import { inSeconds, type Visit } from './samples.ts';

/** One number per queue; null = it is unknown, and there is no sample. */
interface PerQueue {
  readonly name: MetricName;
  /** How the queues that are `other` become one number. Default: their sum. */
  readonly merge?: (a: number, b: number) => number;
  of(facts: QueueFacts, reading: BrokerReading): number | null;
}

/** A number per queue and state. */
interface PerState {
  readonly name: MetricName;
  of(facts: QueueFacts): Readonly<Record<string, number>>;
}

const sum = (a: number, b: number): number => a + b;
/** Counts by Asynq's states. It has no state `cancelled`: those tasks are counted as completed. */
function asynqCounts({ counts }: QueueFacts): Record<string, number> {
  const { cancelled, completed, aggregating: _, ...others } = counts;
  return { ...others, completed: completed + cancelled };
}

const sizeOf = ({ counts }: QueueFacts): number => Object.values(counts).reduce(sum, 0);

const QUEUE_TOTALS: readonly (readonly [MetricName, keyof QueueTotals])[] = [
  ['taskcenter_queue_enqueued_total', 'enqueued'],
  ['taskcenter_queue_started_total', 'started'],
  ['taskcenter_queue_succeeded_total', 'succeeded'],
  ['taskcenter_queue_failed_total', 'failed'],
  ['taskcenter_queue_retried_total', 'retried'],
  ['taskcenter_queue_archived_total', 'archived'],
  ['taskcenter_queue_cancelled_total', 'cancelled'],
  ['taskcenter_queue_recovered_total', 'recovered'],
  ['taskcenter_queue_deferred_total', 'deferred'],
  ['taskcenter_queue_quarantined_total', 'quarantined'],
  ['taskcenter_queue_cancelled_running_total', 'cancelledRunning'],
  ['taskcenter_queue_revoked_total', 'revoked'],
  ['taskcenter_queue_uncounted_total', 'uncounted'],
  ['taskcenter_queue_unreadable_total', 'unreadable'],
];

export const OUR_STATES: PerState = { name: 'taskcenter_queue_tasks', of: ({ counts }) => counts };
export const OUR_QUEUES: readonly PerQueue[] = [
  {
    name: 'taskcenter_queue_oldest_pending_seconds',
    merge: Math.max,
    of: ({ oldestPendingMs }) => inSeconds(oldestPendingMs),
  },
  {
    name: 'taskcenter_queue_oldest_aggregating_seconds',
    merge: Math.max,
    of: ({ oldestAggregatingMs }) => inSeconds(oldestAggregatingMs),
  },
  { name: 'taskcenter_queue_paused', merge: Math.max, of: ({ paused }) => (paused ? 1 : 0) },
  { name: 'taskcenter_queue_workers', of: ({ queue }, { workers }) => workers.get(queue) ?? 0 },
  ...QUEUE_TOTALS.map(([name, total]): PerQueue => ({ name, of: ({ totals }) => totals[total] })),
];

export const ASYNQ_STATES: PerState = { name: 'asynq_tasks_enqueued_total', of: asynqCounts };
export const ASYNQ_QUEUES: readonly PerQueue[] = [
  { name: 'asynq_queue_size', of: sizeOf },
  {
    name: 'asynq_queue_latency_seconds',
    merge: Math.max,
    of: ({ oldestPendingMs }) => inSeconds(oldestPendingMs),
  },
  {
    name: 'asynq_queue_memory_usage_approx_bytes',
    of: ({ queue }, { figures }) => figures?.memory.get(queue) ?? null,
  },
  { name: 'asynq_tasks_processed_total', of: ({ processed }) => processed },
  { name: 'asynq_tasks_failed_total', of: ({ failed }) => failed },
  { name: 'asynq_queue_paused_total', merge: Math.max, of: ({ paused }) => (paused ? 1 : 0) },
];

/** A reading, and its queues as they are called. */
export interface NamedReading {
  readonly reading: BrokerReading;
  readonly rows: readonly NamedQueue[];
  readonly labels: QueueLabels;
}

/** Tells the samples of a metric, one per queue. */
export const eachQueue =
  ({ reading, rows, labels }: NamedReading, { of, merge = sum }: PerQueue) =>
  (visit: Visit): void => {
    for (const { name, facts } of rows) {
      let value = of(facts[0]!, reading);
      for (let i = 1; i < facts.length; i += 1) {
        const next = of(facts[i]!, reading);
        if (next !== null) value = value === null ? next : merge(value, next);
      }
      if (value !== null) visit(labels.of(name), value);
    }
  };

/** Tells the samples of a metric, one per queue and state. */
export const eachState =
  ({ rows, labels }: NamedReading, { of }: PerState) =>
  (visit: Visit): void => {
    for (const { name, facts } of rows) {
      const [first, ...others] = facts.map(of);
      for (const state in first) {
        const count = others.reduce((all, counts) => all + counts[state]!, first[state]!);
        visit(labels.ofState(name, state), count);
      }
    }
  };
