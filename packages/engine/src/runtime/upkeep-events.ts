import type { TaskRef } from './task-events.ts';

/** What is done to queues in the background. */
export interface QueueEvents {
  /** Emitted when the forwarder has made due tasks pending. */
  'tasks.forwarded': {
    readonly queue: string;
    /** Number of tasks. */
    readonly moved: number;
    /** How long the earliest of them had been due by then, by the broker's clock. */
    readonly lateMs: number;
  };
  /** Emitted when the recoverer has taken back tasks whose lease had expired. */
  'tasks.recovered': {
    readonly queue: string;
    /** Tasks that will run again. */
    readonly recovered: number;
    /** Tasks that were archived, because they were lost too often or have no retries left. */
    readonly archived: number;
  };
  /** Emitted when the janitor has removed expired data. */
  'tasks.expired': {
    readonly queue: string;
    /** Number of removed tasks and other entries. */
    readonly removed: number;
  };
  /** Emitted when a step met unreadable tasks, which it archived, or IDs without a task, which it dropped. */
  'tasks.quarantined': {
    readonly queue: string;
    /** Stored IDs. */
    readonly ids: readonly string[];
  };
  /** Emitted when the janitor has repaired what crashed or foreign processes had left; the fields are those of `Repaired`. */
  'queue.repaired': {
    readonly queue: string;
    /** Active tasks without a lease that the recoverer will take back. */
    readonly recovered: number;
    /** Tasks that were archived, because they would never have started. */
    readonly archived: number;
    /** Unique locks without a task that were released. */
    readonly locks: number;
    /** Groups that are listed again. */
    readonly groups: number;
    /** Keys of a wrong type that were renamed. */
    readonly renamedKeys: readonly string[];
  };
  /** Emitted when the tasks of a set have become one task; `id` is the new task's. */
  'group.aggregated': TaskRef & {
    readonly group: string;
    /** Number of tasks in the set. */
    readonly tasks: number;
  };
  /** Emitted when the tasks of a set could not become one task. They go back to their group. */
  'group.failed': { readonly queue: string; readonly group: string; readonly error: unknown };
}

/** Schedules, and the schedulers within a process. */
export interface ScheduleEvents {
  /** Emitted when the tasks of a schedule's fire are stored, by the process that stored them. */
  'schedule.fired': {
    readonly queue: string;
    /** Stored name of the schedule. */
    readonly schedule: string;
    /** `manual`: somebody asked for it. */
    readonly outcome: string;
    /** The logical time of the fire, wall-clock ms. */
    readonly fireMs: number;
    /** How long after that it was made. */
    readonly lateMs: number;
    /** Stored ID of its first task. */
    readonly taskId: string;
    /** Number of its tasks. */
    readonly tasks: number;
  };
  /** Emitted when fires of a schedule are left out: see `FireOutcome`. */
  'schedule.skipped': {
    readonly queue: string;
    readonly schedule: string;
    /** Why, such as `skipped_overlap`. */
    readonly outcome: string;
    /** How many. */
    readonly count: number;
    /** Logical times of the first and the last of them, wall-clock ms. */
    readonly fromMs: number;
    readonly toMs: number;
  };
  /** Emitted when the broker's clock was set back far, and a schedule is planned anew: times that have fired may fire again. */
  'schedule.replanned': {
    readonly queue: string;
    readonly schedule: string;
    readonly setBackMs: number;
  };
  /** Emitted when a schedule fires in a year in which its calendar has no dates, once per year and calendar: plain weekdays count. */
  'calendar.incomplete': {
    readonly calendar: string;
    /** `year`: it has none in this year; `missing`: there is no such calendar; `unreadable`: what is stored of it cannot be read. */
    readonly cause: 'year' | 'missing' | 'unreadable';
    readonly year: number;
    readonly queue: string;
    readonly schedule: string;
  };
  /** Emitted when a scheduler could not enqueue a task before its entry fired again, and gave it up. */
  'firing.missed': {
    /** The scheduler's name. */
    readonly scheduler: string;
    readonly entryId: string;
    readonly spec: string;
    readonly type: string;
    /** When it should have fired, wall-clock ms. */
    readonly plannedMs: number;
    readonly error: unknown;
  };
  /** Emitted when the clock was set back far: entries of a scheduler will fire again at times that have fired. */
  'scheduler.replanned': {
    /** The scheduler's name. */
    readonly scheduler: string;
    readonly entryIds: readonly string[];
    readonly setBackMs: number;
  };
}

/** Brokers, and the loops that use them. */
export interface BrokerEvents {
  /** Emitted when a call of the broker has ended: one of a facet's methods, which sends one or more commands. */
  'broker.called': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    /** Facet and method, such as `consume.exchange`. */
    readonly op: string;
    /** Tasks that were handed in and got, or queues looked at; null = the call is not about several. */
    readonly tasks: number | null;
    /** How long the caller waited, also for repeats. */
    readonly ms: number;
    /** Code of the error, such as `broker-unavailable`; null = the call has succeeded. */
    readonly error: string | null;
  };
  /** Emitted when a broker does not answer any more, and when it answers again, as its calls show. At first it does. */
  'broker.up': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    readonly isUp: boolean;
  };
  /**
   * Emitted when this machine's clock was compared with that of a Redis server: when it is connected to, then once a minute. Never
   * for a SQLite file, which has no clock of its own.
   */
  'clock.compared': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    /** Which of its servers: `host:port` in a cluster, else `server`. */
    readonly server: string;
    /** How far this machine is ahead. It is exact to half of the time that the answer took. */
    readonly skewMs: number;
  };
  /** Emitted when something is found to be wrong with a broker, and again when it has ended. */
  'broker.finding': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    /** What is wrong, such as `eviction`: see `BrokerFinding`. */
    readonly code: string;
    /** `error`: nothing is submitted to the broker while it lasts. */
    readonly severity: 'error' | 'warning';
    readonly detail: string;
    readonly hasEnded: boolean;
  };
  /** Emitted when a broker is unusable for the rest of this process: its file could not be written, or its thread ended. */
  'broker.broken': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    /** Why, in words. */
    readonly cause: string;
  };
  /** Emitted when a step of a background loop has failed. The loop goes on. */
  'loop.failed': {
    /** The loop's name, such as `forwarder`. */
    readonly loop: string;
    readonly error: unknown;
  };
}
