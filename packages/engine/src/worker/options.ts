import type { Duration } from '@task-center/model';
import type { LeaseSettings } from '../broker/lease-renewal.ts';
import { durationMs, type DurationBounds } from '../checks/duration.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { lengthOfTime, durationWithin, flag, oneOf, wholeNumber } from '../checks/values.ts';
import { MIN_HISTORY_BYTES } from '../history/sampling.ts';
import { ASYNQ_LEASE_MS, LEASE_MS } from '../leases/lease-times.ts';
import { runtimePart, type Runtime } from '../runtime/runtime.ts';
import { aggregation, type AggregationOptions } from './aggregate/rules.ts';
import {
  ORDER_KINDS,
  queueOrder,
  workerQueues,
  type OrderKind,
  type QueueOrder,
  type WorkerQueues,
} from './fetch/queue-order.ts';
import { healthCheck, type HealthCheck } from './health-check.ts';
import { admission, type Admission } from './admission.ts';
import { FAILURE_ROWS, type FailureOptions, type WorkerProfile } from './run/attempt-rules.ts';

export interface WorkerOptions extends FailureOptions {
  /** Queues to take tasks from. Default `['default']`. */
  readonly queues?: WorkerQueues;
  /** How queues take turns. Default `strict` for a list, `weighted` for priorities. */
  readonly order?: OrderKind;
  /** Length of the leases, 2 s to 10 min. Default 6 s; with the profile `asynq` 30 s. A dead worker's task waits until its lease expires. */
  readonly lease?: Duration;
  /**
   * How long a handler may block the event loop before this worker's tasks are given to other workers, 2 s to 10 min.
   * Default 30 s.
   */
  readonly maxStall?: Duration;
  /**
   * Whether a process that blocks its event loop for longer than `maxStall` is also killed with SIGKILL, for a supervisor to
   * start it again. Default false, because a library must not kill its host unasked.
   */
  readonly failStop?: boolean;
  /** Which rules hold where ours and Asynq's differ. Default: ours. */
  readonly profile?: WorkerProfile;
  /** How many attempts may run at once, 1 to 10,000. Default 10. */
  readonly concurrency?: number;
  /**
   * Decides how many tasks are taken and which of them start. `concurrency` then limits only how many tasks one call to the
   * broker asks for. Default: as many as there are free slots.
   */
  readonly admission?: Admission;
  /** Whether this worker also runs the loops of maintenance for its queues (due tasks, lost leases, expired data). Default true. */
  readonly maintenance?: boolean;
  /**
   * Bytes that the history of all queues may take in the broker, at least 1 MiB. Default 64 MiB. One program at a time writes it for all,
   * and its own number counts: give all programs the same. Without `maintenance` it means nothing.
   */
  readonly maxHistoryBytes?: number;
  /** How long `stop` waits for running attempts before it gives their tasks back. Default 8 s, as in Asynq. */
  readonly shutdownTimeout?: Duration;
  /** Makes one task of the tasks of a group. Default: this worker does not aggregate. */
  readonly aggregation?: AggregationOptions;
  /** Checks at intervals whether the broker answers. Default: no check. */
  readonly healthCheck?: HealthCheck;
  /** Clock, log, events and the like. Default: the real ones, and the log of the broker. */
  readonly runtime?: Partial<Runtime>;
}

const LEASE_BOUNDS: DurationBounds = { min: '2s', max: '10m' };
const MAX_STALL: Duration = '30s';
const SHUTDOWN_TIMEOUT: Duration = '8s';
const CONCURRENCY = 10;
const MAX_CONCURRENCY = 10_000;

const checkWorkerOptions = createOptionsCheck<WorkerOptions>('Worker', {
  ...FAILURE_ROWS,
  queues: workerQueues,
  order: oneOf(ORDER_KINDS),
  lease: durationWithin(LEASE_BOUNDS),
  maxStall: durationWithin(LEASE_BOUNDS),
  failStop: flag,
  profile: oneOf(['asynq']),
  concurrency: wholeNumber(1, MAX_CONCURRENCY),
  admission,
  maintenance: flag,
  maxHistoryBytes: wholeNumber(MIN_HISTORY_BYTES),
  shutdownTimeout: lengthOfTime,
  aggregation,
  healthCheck,
  runtime: runtimePart,
});

/** The settings of a worker: its options, checked, with defaults. */
export interface WorkerSettings {
  readonly order: QueueOrder;
  readonly lease: LeaseSettings;
  readonly concurrency: number;
  readonly admission: Admission | undefined;
  readonly shutdownTimeoutMs: number;
}

/** @throws TaskCenterError `invalid-value` */
export function workerSettings(options: WorkerOptions): WorkerSettings {
  const {
    profile,
    queues = ['default'],
    maxStall = MAX_STALL,
    shutdownTimeout = SHUTDOWN_TIMEOUT,
  } = checkWorkerOptions(options);
  const lease = options.lease ?? (profile === 'asynq' ? ASYNQ_LEASE_MS : LEASE_MS);
  return {
    order: queueOrder(queues, options.order),
    lease: {
      leaseMs: durationMs(lease, 'lease'),
      maxStallMs: durationMs(maxStall, 'maxStall'),
      failStop: options.failStop ?? false,
    },
    concurrency: options.concurrency ?? CONCURRENCY,
    admission: options.admission,
    shutdownTimeoutMs: durationMs(shutdownTimeout, 'shutdownTimeout'),
  };
}
