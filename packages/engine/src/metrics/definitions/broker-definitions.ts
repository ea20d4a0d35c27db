import type { MetricDefinition } from './definition.ts';

/** The states of tasks, in the order of their life. */
const QUEUE_STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
  'aggregating',
] as const;

/** What most metrics of queues have in common. */
const gaugeOfQueues = (help: string) =>
  ({ type: 'gauge', scope: 'broker', group: 'queues', help, labels: ['queue'] }) as const;
const counterOfQueues = (help: string) => ({ ...gaugeOfQueues(help), type: 'counter' }) as const;
/** Figures of the broker as a whole. */
const gaugeOfBroker = (help: string) =>
  ({ type: 'gauge', scope: 'broker', group: 'broker', help, labels: [] }) as const;

/** Figures that stand in the broker. `queue` is always a stored queue: `orders` for handlers, `orders~cb` for callbacks. */
export const BROKER_DEFINITIONS = {
  taskcenter_queue_tasks: {
    ...gaugeOfQueues('Tasks in a queue by state.'),
    labels: ['queue', 'state'],
    values: { state: QUEUE_STATES },
  },
  taskcenter_queue_oldest_pending_seconds: gaugeOfQueues(
    'How long the next task to run has been pending; 0 if none is.',
  ),
  taskcenter_queue_oldest_aggregating_seconds: gaugeOfQueues(
    'How long ago the first task joined a group that it has not left; 0 if there is none.',
  ),
  // Both kinds of a queue are paused together by the API, each alone by the library.
  taskcenter_queue_paused: gaugeOfQueues('1 if workers take no tasks from the queue, otherwise 0.'),
  // Shown by their announcements, which last 10 s: a worker that was killed counts for as long.
  taskcenter_queue_workers: gaugeOfQueues('Live workers that serve the queue, those of Go included.'),
  // Written with the change that each counts: docs/design/data-model.md#totals has what adds up to what.
  taskcenter_queue_enqueued_total: counterOfQueues('New tasks that were stored.'),
  taskcenter_queue_started_total: counterOfQueues(
    'Attempts that were handed out to workers, Go’s not included.',
  ),
  // Asynq counts these two itself, so what Go's workers do is in them.
  taskcenter_queue_succeeded_total: counterOfQueues('Attempts that succeeded, those of Go included.'),
  taskcenter_queue_failed_total: counterOfQueues('Attempts that failed, those of Go included.'),
  taskcenter_queue_retried_total: counterOfQueues('Tasks that wait for a retry after an attempt.'),
  taskcenter_queue_archived_total: counterOfQueues('Tasks that were archived, whatever the cause.'),
  taskcenter_queue_cancelled_total: counterOfQueues('Tasks that were cancelled, while they waited or ran.'),
  taskcenter_queue_recovered_total: counterOfQueues(
    'Attempts that were lost with their worker, and whose task runs again.',
  ),
  taskcenter_queue_deferred_total: counterOfQueues('Attempts that were given back unfinished.'),
  taskcenter_queue_quarantined_total: counterOfQueues(
    'Tasks that were archived because they cannot be read or would never start.',
  ),
  // The rest of what `started` adds up to.
  taskcenter_queue_cancelled_running_total: counterOfQueues('Attempts that a cancellation has ended.'),
  taskcenter_queue_revoked_total: counterOfQueues('Attempts that removed their task.'),
  taskcenter_queue_uncounted_total: counterOfQueues(
    'Attempts that ended in an error which their worker does not count as a failure.',
  ),
  taskcenter_queue_unreadable_total: counterOfQueues(
    'Attempts that could not begin because their task cannot be read.',
  ),
  // To count them all takes a look at each: the figure renewer does it, not a scrape.
  taskcenter_schedules: {
    type: 'gauge',
    scope: 'broker',
    group: 'schedules',
    help: 'Schedules by state, as counted within the last minute. Those that fail or are late are also counted as active or paused.',
    labels: ['state'],
    values: { state: ['active', 'paused', 'failing', 'late'] },
  },
  taskcenter_schedule_overdue_seconds: {
    type: 'gauge',
    scope: 'broker',
    group: 'schedules',
    help: 'How long the schedule that is most overdue has waited for its fire; 0 if none is overdue.',
    labels: [],
  },
  // As the broker was seen last: it looks at itself once a minute.
  taskcenter_broker_memory_bytes: gaugeOfBroker(
    'Memory that Redis uses, of all masters of a cluster; not there for SQLite.',
  ),
  taskcenter_broker_memory_limit_bytes: gaugeOfBroker(
    'Memory that Redis may use at most; not there without a limit.',
  ),
  taskcenter_broker_disk_free_bytes: gaugeOfBroker(
    'Free space of the disk that the SQLite file is on; not there for Redis.',
  ),
} as const satisfies Record<string, MetricDefinition>;
