// What is said of a metric once, for all: the registry, the exposition, the documentation and what is made for Prometheus and
// Grafana go by it.

/**
 * Where a figure stands. `broker`: with the tasks, exact over processes and restarts, the same on each: `max`. `process`: in the
 * memory of a process, from its start: `sum`.
 */
export type MetricScope = 'broker' | 'process';

/** Where a metric is found in the documentation, and who has it. `service`: what only the service has, not the library. */
export type MetricGroup =
  'queues' | 'schedules' | 'broker' | 'tasks' | 'service' | 'process' | 'nodejs' | 'asynq';

interface Described {
  readonly scope: MetricScope;
  readonly group: MetricGroup;
  /** A sentence; times are in seconds, as the name says. */
  readonly help: string;
  /** In their order. */
  readonly labels: readonly string[];
  /** All values of a label that has few. Counters whose labels all have few are there from the start, at 0. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
}

export interface PlainDefinition extends Described {
  readonly type: 'gauge' | 'counter';
}

export interface HistogramDefinition extends Described {
  readonly type: 'histogram';
  /** Upper bounds, growing; `+Inf` is added. */
  readonly buckets: readonly number[];
}

export type MetricDefinition = PlainDefinition | HistogramDefinition;
export type MetricType = MetricDefinition['type'];

/** Labels whose values anybody can invent. Their sets are bounded; those of all other labels are few. */
export const OPEN_LABELS: ReadonlySet<string> = new Set(['queue', 'type', 'host', 'channel']);

/** From 1 ms to half an hour: how long tasks wait and run. */
export const SECOND_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
] as const;
/** From 0.1 ms to 5 s: calls of a broker, and renewals of leases. */
export const SHORT_BUCKETS = [
  0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5,
] as const;
/** Tasks in one call. */
export const BATCH_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const;
