import type { MetricDefinition } from './definition.ts';

/** What all of them have in common. */
const ofQueues = (type: 'gauge' | 'counter', help: string) =>
  ({ type, scope: 'broker', group: 'asynq', help, labels: ['queue'] }) as const;

/** The metrics of Asynq's exporter, added by `compat=asynq`. See docs/design/protocol.md#metrics. */
export const ASYNQ_DEFINITIONS = {
  // Its name ends in `_total` although it is a gauge: names are as Asynq has them.
  asynq_tasks_enqueued_total: {
    ...ofQueues('gauge', 'Tasks in a queue by state, except tasks that wait in groups.'),
    labels: ['queue', 'state'],
    values: { state: ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed'] },
  },
  asynq_queue_size: ofQueues('gauge', 'Tasks in a queue, in all states.'),
  asynq_queue_latency_seconds: ofQueues(
    'gauge',
    'Age of the pending task that is next to run; 0 if there is none.',
  ),
  // Asynq samples it at each scrape.
  asynq_queue_memory_usage_approx_bytes: ofQueues(
    'gauge',
    'Memory or disk space that the tasks of a queue use in the broker, estimated from a sample at most once a minute.',
  ),
  asynq_tasks_processed_total: ofQueues('counter', 'Attempts that succeeded or failed.'),
  asynq_tasks_failed_total: ofQueues('counter', 'Attempts that failed.'),
  asynq_queue_paused_total: ofQueues('gauge', '1 if the queue is paused, otherwise 0.'),
} as const satisfies Record<string, MetricDefinition>;
