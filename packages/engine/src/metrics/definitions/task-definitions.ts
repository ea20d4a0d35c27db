import { BATCH_BUCKETS, SECOND_BUCKETS, SHORT_BUCKETS, type MetricDefinition } from './definition.ts';

/** How attempts end: see `AttemptOutcome`. */
const ATTEMPT_OUTCOMES = [
  'succeeded',
  'failed',
  'archived',
  'revoked',
  'deferred',
  'cancelled',
  'lost',
] as const;

/** What these metrics have in common. */
const ofTasks = (help: string, labels: readonly [] = []) =>
  ({ scope: 'process', group: 'tasks', help, labels }) as const;

/** What happens in an engine, told by its events: see `EngineEvents`. */
export const TASK_DEFINITIONS = {
  taskcenter_task_run_seconds: {
    ...ofTasks('How long attempts ran, by how they ended.'),
    type: 'histogram',
    labels: ['queue', 'type', 'outcome'],
    values: { outcome: ATTEMPT_OUTCOMES },
    buckets: SECOND_BUCKETS,
  },
  taskcenter_tasks_running: {
    ...ofTasks('Attempts that run now.'),
    type: 'gauge',
    labels: ['queue'],
  },
  // By the clock of this machine; a task whose age is not known is left out.
  taskcenter_task_wait_seconds: {
    ...ofTasks('How long tasks were pending until their attempt started.'),
    type: 'histogram',
    labels: ['queue'],
    buckets: SECOND_BUCKETS,
  },
  taskcenter_forward_lateness_seconds: {
    ...ofTasks(
      'How long after their time tasks became pending: the most overdue one of each step of the forwarder.',
    ),
    type: 'histogram',
    buckets: SECOND_BUCKETS,
  },
  taskcenter_schedule_lateness_seconds: {
    ...ofTasks('How long after their time schedules fired, until their tasks were stored.'),
    type: 'histogram',
    buckets: SECOND_BUCKETS,
  },
  // Outcomes are those of `FireOutcome`.
  taskcenter_schedule_fires_total: {
    ...ofTasks('Fires of schedules, and fires that were left out, by what became of them.'),
    type: 'counter',
    labels: ['outcome'],
  },
  // A gap that comes near the length of a lease, 30 s, says that leases are about to be lost.
  taskcenter_lease_renew_gap_seconds: {
    ...ofTasks('Time between two renewals of the leases of a queue.'),
    type: 'histogram',
    buckets: SHORT_BUCKETS,
  },
  // Below 250 ms nothing is told: `nodejs_eventloop_lag_seconds` has what is shorter.
  taskcenter_loop_stall_seconds: {
    ...ofTasks('How long the event loop was blocked while attempts ran, if for 250 ms or more.'),
    type: 'histogram',
    buckets: SECOND_BUCKETS,
  },
  // Anything but 0 means that tasks run twice.
  taskcenter_leases_lost_total: {
    ...ofTasks(
      'Attempts that lost their lease: not renewed in time, taken by another worker, or given up after a stall.',
    ),
    type: 'counter',
    labels: ['cause'],
    values: { cause: ['expired', 'taken', 'stalled'] },
  },
  taskcenter_stale_acks_total: {
    ...ofTasks('Ends of attempts that the broker refused, because they came too late.'),
    type: 'counter',
  },
  // One call of a facet, which may be several commands. `signals` is left out: it waits for what others do.
  taskcenter_broker_op_seconds: {
    ...ofTasks('How long calls of the broker took, repeats included, by facet and method.'),
    group: 'broker',
    type: 'histogram',
    labels: ['op'],
    buckets: SHORT_BUCKETS,
  },
  taskcenter_broker_batch_tasks: {
    ...ofTasks('Tasks in calls of the broker, handed in and got; queues, where these are looked at.'),
    group: 'broker',
    type: 'histogram',
    labels: ['op'],
    buckets: BATCH_BUCKETS,
  },
  taskcenter_broker_errors_total: {
    ...ofTasks('Calls of the broker that failed, by the code of their error.'),
    group: 'broker',
    type: 'counter',
    labels: ['op', 'kind'],
  },
  // These two are seen by each process for itself, although they are about the broker.
  taskcenter_broker_up: {
    scope: 'process',
    group: 'broker',
    help: '1 if the broker has answered when these figures were read, otherwise 0.',
    type: 'gauge',
    labels: [],
  },
  taskcenter_broker_clock_skew_seconds: {
    scope: 'process',
    group: 'broker',
    help: 'How far the clock of the broker is ahead of that of this process; negative if it is behind.',
    type: 'gauge',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;
