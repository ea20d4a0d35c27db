import type { BackupFile, BackupOptions } from '../broker/backup.ts';
import type { Broker } from '../broker/broker.ts';
import type { RunningTask, ServerRecord } from '../broker/presence.ts';
import { checkBroker } from '../checks/values.ts';
import { listServers, showPayload, writeBackup, type ShownPayload } from '../control/index.ts';
import { BrokerInspector } from './broker-inspector.ts';
import { CalendarInspector } from './calendar-inspector.ts';
import { ClusterInspector } from './cluster-inspector.ts';
import { MetricsInspector } from './metrics-inspector.ts';
import { QueueInspector } from './queue-inspector.ts';
import { SchedulerInspector } from './scheduler-inspector.ts';
import { TaskInspector } from './task-inspector.ts';

/** A task that a server runs now, as an inspector shows it. A long payload is cut, and then it is not JSON. */
export interface ShownRunningTask extends Omit<RunningTask, 'payload'>, ShownPayload {}

/** A worker, ours or one in Go, as an inspector shows it. */
export interface ShownServer extends Omit<ServerRecord, 'tasks'> {
  /** The longest-running of its tasks, oldest first. */
  readonly tasks: readonly ShownRunningTask[];
}

/**
 * Shows what a broker stores, and changes it for an operator. A program may have any number of inspectors, beside clients
 * and workers. Each subject has its own member:
 *
 * ```ts
 * const inspector = new Inspector(broker);
 * await inspector.queues.pause('orders', 'bank is closed');
 * await inspector.tasks.runAll('orders', 'archived');
 * ```
 */
export class Inspector {
  /** Shows, pauses, resumes and removes queues. */
  readonly queues: QueueInspector;
  /** Shows tasks, and changes one task or all tasks in a state. */
  readonly tasks: TaskInspector;
  /** The periodic tasks of the running schedulers. */
  readonly schedulers: SchedulerInspector;
  /** The days on which schedules do not fire. */
  readonly calendars: CalendarInspector;
  /** Whether the broker can keep its promises. */
  readonly broker: BrokerInspector;
  /** What happened in the past, by minute or hour. */
  readonly metrics: MetricsInspector;
  /** Slots and nodes of a Redis Cluster. */
  readonly cluster: ClusterInspector;
  readonly #broker: Broker;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker) {
    checkBroker(broker, 'inspect', 'control');
    this.#broker = broker;
    this.queues = new QueueInspector(broker);
    this.tasks = new TaskInspector(broker);
    this.schedulers = new SchedulerInspector(broker);
    this.calendars = new CalendarInspector(broker);
    this.broker = new BrokerInspector(broker);
    this.metrics = new MetricsInspector(broker);
    this.cluster = new ClusterInspector(broker);
  }

  /** The workers that run now, sorted by host and process, each with its tasks in progress; at most 1,000 workers. */
  async servers(): Promise<ShownServer[]> {
    return (await listServers(this.#broker)).map((server) => ({
      ...server,
      tasks: server.tasks.map(showPayload),
    }));
  }

  /**
   * Writes a consistent copy of a SQLite file to a new file, mode 0600, while the broker is in use. The copy is whole when
   * it appears under its name. It opens as any file does: `connect('sqlite:' + path)`.
   *
   * @throws TaskCenterError `not-supported` (Redis), `invalid-value` (the path exists, or cannot be written), `broker-full`
   */
  backup(path: string, options?: BackupOptions): Promise<BackupFile> {
    return writeBackup(this.#broker, path, options);
  }
}
