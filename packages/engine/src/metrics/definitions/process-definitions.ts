import type { MetricDefinition } from './definition.ts';

/** Figures of the operating system. */
const ofProcess = <const T extends 'gauge' | 'counter'>(type: T, help: string) =>
  ({ type, scope: 'process', group: 'process', help, labels: [] }) as const;
/** Figures of Node.js. */
const ofNode = <const T extends 'gauge' | 'counter'>(type: T, help: string) =>
  ({ type, scope: 'process', group: 'nodejs', help, labels: [] }) as const;

/** Names and meanings are those of the usual client libraries for Prometheus: their dashboards fit. */
export const PROCESS_DEFINITIONS = {
  process_cpu_user_seconds_total: ofProcess('counter', 'CPU time spent in user mode.'),
  process_cpu_system_seconds_total: ofProcess('counter', 'CPU time spent in the kernel.'),
  process_cpu_seconds_total: ofProcess('counter', 'CPU time spent, in user mode and in the kernel.'),
  process_start_time_seconds: ofProcess('gauge', 'When the process started, seconds since 1970.'),
  process_resident_memory_bytes: ofProcess('gauge', 'Memory that the process has in RAM.'),
  // From /proc: not there on other systems than Linux.
  process_virtual_memory_bytes: ofProcess('gauge', 'Address space of the process; Linux only.'),
  process_heap_bytes: ofProcess('gauge', 'Size of the data segment of the process; Linux only.'),
  process_open_fds: ofProcess('gauge', 'Open file descriptors; Linux only.'),
  process_max_fds: ofProcess('gauge', 'Most file descriptors that may be open; Linux only.'),
  // Each reading begins anew: with two scrapers, each sees what came since the other's.
  nodejs_eventloop_lag_seconds: ofNode(
    'gauge',
    'How late the event loop was on average since the last reading.',
  ),
  nodejs_eventloop_lag_min_seconds: ofNode('gauge', 'Smallest lag of the event loop since the last reading.'),
  nodejs_eventloop_lag_max_seconds: ofNode('gauge', 'Largest lag of the event loop since the last reading.'),
  nodejs_eventloop_lag_mean_seconds: ofNode('gauge', 'Mean lag of the event loop since the last reading.'),
  nodejs_eventloop_lag_stddev_seconds: ofNode(
    'gauge',
    'Standard deviation of the lag since the last reading.',
  ),
  nodejs_eventloop_lag_p50_seconds: ofNode('gauge', 'Median lag of the event loop since the last reading.'),
  nodejs_eventloop_lag_p90_seconds: ofNode('gauge', '90th percentile of the lag since the last reading.'),
  nodejs_eventloop_lag_p99_seconds: ofNode('gauge', '99th percentile of the lag since the last reading.'),
  nodejs_heap_size_total_bytes: ofNode('gauge', 'Size of the heap of JavaScript.'),
  nodejs_heap_size_used_bytes: ofNode('gauge', 'Used part of the heap of JavaScript.'),
  nodejs_external_memory_bytes: ofNode('gauge', 'Memory of native objects that JavaScript holds.'),
  nodejs_heap_space_size_total_bytes: {
    ...ofNode('gauge', 'Size of a space of the heap.'),
    labels: ['space'],
  },
  nodejs_heap_space_size_used_bytes: {
    ...ofNode('gauge', 'Used part of a space of the heap.'),
    labels: ['space'],
  },
  nodejs_heap_space_size_available_bytes: {
    ...ofNode('gauge', 'Free part of a space of the heap.'),
    labels: ['space'],
  },
  nodejs_active_resources: {
    ...ofNode('gauge', 'What keeps the event loop alive, by its kind.'),
    labels: ['type'],
  },
  nodejs_version_info: {
    ...ofNode('gauge', 'Always 1: the version of Node.js.'),
    labels: ['version', 'major', 'minor', 'patch'],
  },
  // The only one that is counted as it happens: all others are read at a scrape.
  nodejs_gc_duration_seconds: {
    ...ofNode('gauge', 'How long collections of garbage took, by their kind.'),
    type: 'histogram',
    labels: ['kind'],
    values: { kind: ['major', 'minor', 'incremental', 'weakcb'] },
    buckets: [0.001, 0.01, 0.1, 1, 2, 5],
  },
} as const satisfies Record<string, MetricDefinition>;
