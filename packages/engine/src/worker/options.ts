import type { LeaseSettings } from '../broker/lease-renewal.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { ASYNQ_LEASE_MS, LEASE_MS } from '../leases/lease-times.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { AggregationOptions } from './aggregate/rules.ts';
import { queueOrder, type OrderKind, type QueueOrder, type WorkerQueues } from './fetch/queue-order.ts';
import type { HealthCheck } from './health-check.ts';
import type { Admission } from './admission.ts';
import type { FailureOptions, WorkerProfile } from './run/attempt-rules.ts';

export interface WorkerOptions extends FailureOptions {
  /** Queues to take tasks from. Default `['default']`. */
  readonly queues?: WorkerQueues;
  /** How queues take turns. Default `strict` for a list, `weighted` for priorities. */
  readonly order?: OrderKind;
  /** Length of the leases, 2,000 to 600,000 ms. Default 6,000. A dead worker's task waits until its lease expires. */
  readonly leaseMs?: number;
  /**
   * How long a handler may block the event loop before this worker's tasks are given to other workers, 2,000 to 600,000 ms.
   * Default 30,000.
   */
  readonly maxStallMs?: number;
  /**
   * Whether the process is then killed with SIGKILL as well, for a supervisor to start it again. Default false, because a
   * library must not kill its host unasked.
   */
  readonly failStop?: boolean;
  /** Which rules hold where ours and Asynq's differ. Default: ours. */
  readonly profile?: WorkerProfile;
  /** Most attempts at once, 1 to 10,000. Default 10. */
  readonly concurrency?: number;
  /** Which tasks to take and to start; `concurrency` then only sizes what a call takes. Default: as many as there are free slots. */
  readonly admission?: Admission;
  /** Whether this worker also runs the loops of maintenance for its queues (due tasks, lost leases, expired data). Default true. */
  readonly maintenance?: boolean;
  /** How long `stop` waits for running attempts before it gives their tasks back, ms. Default 8,000, as in Asynq. */
  readonly shutdownTimeoutMs?: number;
  /** Makes one task of the tasks of a group. Default: this worker does not aggregate. */
  readonly aggregation?: AggregationOptions;
  /** Checks now and then whether the broker answers. Default: no check. */
  readonly healthCheck?: HealthCheck;
  /** Clock, log, events and the like. Default: the real ones, and no log. */
  readonly runtime?: Partial<Runtime>;
}

/** The options that are whole numbers: their bounds, and what they are when left out. */
const NUMBERS = {
  leaseMs: { min: 2_000, max: 600_000, fallback: LEASE_MS },
  maxStallMs: { min: 2_000, max: 600_000, fallback: 30_000 },
  concurrency: { min: 1, max: 10_000, fallback: 10 },
} as const;

const SHUTDOWN_TIMEOUT_MS = 8_000;

/** The settings of a worker: its options, checked, with defaults. */
export interface WorkerSettings {
  readonly order: QueueOrder;
  readonly lease: LeaseSettings;
  readonly concurrency: number;
  readonly admission: Admission | undefined;
  readonly shutdownTimeoutMs: number;
}

function numberOf(name: keyof typeof NUMBERS, given: number | undefined): number {
  const { min, max, fallback } = NUMBERS[name];
  const value = given ?? fallback;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalidValue(name, value, `a whole number from ${min} to ${max}`);
}

/** @throws TaskCenterError `invalid-value` */
export function workerSettings(options: WorkerOptions): WorkerSettings {
  const { profile, queues = ['default'] } = options;
  return {
    order: queueOrder(queues, options.order),
    lease: {
      leaseMs: numberOf('leaseMs', options.leaseMs ?? (profile === 'asynq' ? ASYNQ_LEASE_MS : undefined)),
      maxStallMs: numberOf('maxStallMs', options.maxStallMs),
      failStop: options.failStop ?? false,
    },
    concurrency: numberOf('concurrency', options.concurrency),
    admission: options.admission,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? SHUTDOWN_TIMEOUT_MS,
  };
}
