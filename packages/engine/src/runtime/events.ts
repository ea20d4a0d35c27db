import { EventEmitter } from 'node:events';
import { messageOf } from '../errors/task-center-error.ts';
import { anyText as checkName, func as checkListener } from '../checks/values.ts';
import { callHost } from './call-host.ts';

/** Identifies a task. `queue` is the stored queue (`orders` or `orders~cb`), `id` is the stored ID. */
export interface TaskRef {
  readonly queue: string;
  readonly id: string;
}

/**
 * How an attempt ended:
 *
 * - `succeeded`: its handler returned.
 * - `failed`: the task will be retried.
 * - `archived`: it failed, and the task is archived.
 * - `revoked`: its handler threw `RevokeError`, and the task was removed.
 * - `deferred`: it was given back unfinished, because the worker stopped; nothing is counted. A task that did not start here has no such event.
 * - `cancelled`: it did not succeed, and the task has ended as cancelled, as somebody had asked.
 * - `lost`: its lease was lost, and its outcome was dropped.
 */
export type AttemptOutcome =
  'succeeded' | 'failed' | 'archived' | 'revoked' | 'deferred' | 'cancelled' | 'lost';

/**
 * What happens in an engine. Counting, logging and tracing subscribe here. Times are in ms; `queue` is always a stored
 * queue. Each event is emitted once, in the process in which it happens.
 */
export interface EngineEvents {
  /** Emitted just before the handler is called. */
  'attempt.started': {
    readonly task: TaskRef;
    readonly type: string;
    /** Number of the attempt, from 1. */
    readonly attempt: number;
  };
  /** Emitted when the broker has accepted the outcome, or when the attempt is known to be lost. */
  'attempt.finished': {
    readonly task: TaskRef;
    readonly type: string;
    /** Number of the attempt, from 1. */
    readonly attempt: number;
    readonly outcome: AttemptOutcome;
    /** How long the handler ran; 0 for `deferred` and `lost`. */
    readonly runMs: number;
  };
  /** Emitted when a worker meets a type for which it has no handler, once per type. It gives such tasks back. */
  'handler.missing': {
    /** Where it met the first task of the type. */
    readonly queue: string;
    readonly type: string;
  };
  /** Emitted when an attempt has lost its lease: it was not renewed in time, or another worker has the task. */
  'lease.lost': { readonly task: TaskRef };
  /** Emitted after each successful renewal, for each queue with leases. */
  'leases.renewed': {
    readonly queue: string;
    /** Leases in the call. */
    readonly leases: number;
    /** How many of them belong to other workers by now. */
    readonly lost: number;
    /** When the call began, monotonic (see `Clock`). */
    readonly sinceMs: number;
    /** Time since the call before it began; 0 = it was the first. */
    readonly gapMs: number;
  };
  /** Emitted when a blocked event loop has cost the worker all its leases: after `maxStall`, once the loop goes on. */
  'leases.released': {
    /** Leases given up; other workers run their tasks. */
    readonly leases: number;
    /** How long the event loop had been blocked then. */
    readonly stallMs: number;
    /** When they were given up, monotonic. */
    readonly atMs: number;
  };
  /** Emitted when the event loop goes on after it was blocked for at least 250 ms while attempts ran. */
  'loop.stalled': {
    /** How long it was blocked. */
    readonly stallMs: number;
    /** Attempts that ran meanwhile. */
    readonly attempts: number;
  };
  /** Emitted when the recoverer has taken back tasks whose lease had expired. */
  'tasks.recovered': {
    readonly queue: string;
    /** Tasks that will run again. */
    readonly recovered: number;
    /** Tasks that were archived, because they were lost too often or have no retries left. */
    readonly archived: number;
  };
  /** Emitted when the forwarder has made due tasks pending. */
  'tasks.forwarded': {
    readonly queue: string;
    /** Number of tasks. */
    readonly moved: number;
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
  /** Emitted when the watchdog makes the worker fetch anew: slots were free and the broker answered, yet no fetch ended. */
  'worker.revived': {
    /** How long no fetch had ended. */
    readonly stuckMs: number;
    /** Number of hanging calls that the worker does not wait for any more; may be 0. */
    readonly calls: number;
  };
  /** Emitted when the tasks of a set have become one task; `id` is the new task's. */
  'group.aggregated': TaskRef & {
    readonly group: string;
    /** Number of tasks in the set. */
    readonly tasks: number;
  };
  /** Emitted when the tasks of a set could not become one task. They go back to their group. */
  'group.failed': { readonly queue: string; readonly group: string; readonly error: unknown };
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
  /** Emitted when a broker is unusable for the rest of this process: its file could not be written, or its thread ended. */
  'broker.broken': {
    /** The broker's name: its URL without the password. */
    readonly broker: string;
    /** Why, in words. */
    readonly cause: string;
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
  /** Emitted when a step of a background loop has failed. The loop goes on. */
  'loop.failed': {
    /** The loop's name, such as `forwarder`. */
    readonly loop: string;
    readonly error: unknown;
  };
}

export type EventName = keyof EngineEvents;

/** Tells of a listener that threw anything, which may be no error. */
function warn(thrown: unknown): void {
  let error: Error | string;
  try {
    error = thrown instanceof Error ? thrown : messageOf(thrown);
  } catch {
    error = messageOf(thrown);
  }
  process.emitWarning(error);
}

/**
 * A typed event emitter. An error of a listener, thrown or rejected, stops neither other listeners nor the engine. It goes to
 * `onError`, which must not throw; by default it becomes a warning of the process.
 */
export class Events<All extends object = EngineEvents> {
  readonly #emitter = new EventEmitter();
  readonly #onError: (error: unknown, name: string) => void;

  /** @throws TaskCenterError `invalid-value` */
  constructor(onError: (error: unknown, name: string) => void = warn) {
    checkListener(onError, 'onError');
    this.#onError = onError;
    this.#emitter.setMaxListeners(0);
  }

  /**
   * Calls the listener at each event of this name. Returns a function that removes it.
   *
   * @throws TaskCenterError `invalid-value`
   */
  on<N extends keyof All & string>(name: N, listener: (event: All[N]) => unknown): () => void {
    checkName(name, 'name');
    checkListener(listener, 'listener');
    const onError = (error: unknown) => this.#onError(error, name);
    const guarded = (event: All[N]) => callHost(() => listener(event), onError);
    this.#emitter.on(name, guarded);
    return () => this.#emitter.off(name, guarded);
  }

  /** Whether the event has listeners. Hot paths ask before they build an event. */
  has(name: keyof All & string): boolean {
    return typeof name === 'string' && this.#emitter.listenerCount(name) > 0;
  }

  emit<N extends keyof All & string>(name: N, event: All[N]): void {
    if (this.has(name)) this.#emitter.emit(name, event);
  }
}
