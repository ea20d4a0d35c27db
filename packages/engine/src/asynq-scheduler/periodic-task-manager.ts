import { createHash } from 'node:crypto';
import type { Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { checkBroker, durationWithin, func, isList } from '../checks/values.ts';
import type { TasksToEnqueue, TaskToEnqueue } from '../client/prepare-task.ts';
import { invalidValue, isTaskCenterError, shown, TaskCenterError } from '../errors/task-center-error.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import { runtimeOn, type Runtime } from '../runtime/runtime.ts';
import { unlessAborted } from '../runtime/within.ts';
import { encodeGiven } from '../task/payload.ts';
import { createCheckEntry } from './check-entry.ts';
import { optionTexts } from './entry-options.ts';
import { Scheduler, SCHEDULER_ROWS, type SchedulerOptions } from './scheduler.ts';

/** A task with the times at which it is enqueued. */
export type PeriodicTask<Input = unknown> = TaskToEnqueue<Input> & {
  /** See `Scheduler.register`. */
  readonly spec: string;
};

export interface PeriodicTaskManagerOptions<
  Items extends readonly PeriodicTask[] = readonly PeriodicTask[],
> extends SchedulerOptions {
  /** Returns the complete list of periodic tasks, for example from a file or a database. Called again and again. */
  readonly provider: () => TasksToEnqueue<Items, PeriodicTask> | Promise<TasksToEnqueue<Items, PeriodicTask>>;
  /** How often the provider is called, at least 1 ms. Default 3 min. */
  readonly syncInterval?: Duration;
}

const checkManagerOptions = createOptionsCheck<PeriodicTaskManagerOptions>('PeriodicTaskManager', {
  ...SCHEDULER_ROWS,
  provider: required(func),
  syncInterval: durationWithin({ min: '1ms' }),
});

const SYNC_INTERVAL: Duration = '3m';

/** Checks at run time what the types promise: providers read files that people write. */
function checkPeriodicTask(periodicTask: PeriodicTask): void {
  const { spec, task } = (periodicTask ?? {}) as Partial<PeriodicTask>;
  const type = typeof task === 'string' ? task : task?.type;
  if (typeof spec === 'string' && spec !== '' && typeof type === 'string' && type.trim() !== '') return;
  const got = `spec ${shown(spec)}, task ${shown(type)}`;
  throw new TaskCenterError('invalid-value', { name: 'A periodic task', got, expected: 'a spec and a task' });
}

const sortedEntries = (record: object = {}): [string, unknown][] =>
  Object.entries(record).sort(([first], [second]) => (first < second ? -1 : 1));

/**
 * A key by which periodic tasks are compared. It covers everything that the stored tasks will have. Asynq's leaves out
 * headers and the defaults of a task's definition, and does not notice when they change.
 *
 * @throws TaskCenterError `invalid-value`
 */
function periodicTaskKey({ spec, task, payload, ...options }: PeriodicTask): string {
  const [type, defaults] = typeof task === 'string' ? [task, {}] : [task.type, task.defaults];
  const { context, backoff, durability } = options;
  const hash = createHash('sha256');
  const texts = [...optionTexts(options)].sort();
  // The texts have whole seconds only.
  const exactTimes = [options.runAt, options.deadline].map((date) => date?.getTime() ?? null);
  hash.update(
    JSON.stringify([
      spec,
      type,
      texts,
      exactTimes,
      sortedEntries(context),
      backoff,
      durability,
      sortedEntries(defaults),
    ]),
  );
  hash.update('\0').update(encodeGiven('payload', payload) ?? '');
  return hash.digest('hex');
}

/**
 * A scheduler whose entries follow a provider. At each synchronization tasks that are new in the provider's list are
 * registered, tasks that are no longer in it are unregistered, and the others keep their entry with its ID and times.
 * Equal tasks count as one.
 */
export class PeriodicTaskManager<Items extends readonly PeriodicTask[] = readonly PeriodicTask[]> {
  readonly #options: PeriodicTaskManagerOptions<Items>;
  readonly #runtime: Runtime;
  readonly #scheduler: Scheduler;
  readonly #checkEntry: ReturnType<typeof createCheckEntry>;
  readonly #loop: Loop;
  /** ID of the entry by the task's key. */
  readonly #entryIds = new Map<string, string>();
  readonly #lifetime: Broker['lifetime'];
  readonly #stopping = new AbortController();

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: PeriodicTaskManagerOptions<Items>) {
    checkBroker(broker, 'submit', 'schedulerEntries');
    checkManagerOptions(options);
    this.#options = options;
    this.#lifetime = broker.lifetime;
    const { provider: _, syncInterval = SYNC_INTERVAL, ...schedulerOptions } = options;
    const runtime = (this.#runtime = runtimeOn(broker, options.runtime));
    this.#scheduler = new Scheduler(broker, { ...schedulerOptions, runtime });
    this.#checkEntry = createCheckEntry({ ...options, runtime });
    const intervalMs = durationMs(syncInterval, 'syncInterval');
    let first = true;
    this.#loop = createLoop({
      name: 'periodic-task-manager',
      runtime,
      failureMs: intervalMs,
      step: async () => {
        // `start` has done the first synchronization.
        if (!first) this.#sync(await this.#load());
        first = false;
        return intervalMs;
      },
    });
  }

  /** Names its scheduler for inspectors. */
  get name(): string {
    return this.#scheduler.name;
  }

  /** See `Scheduler.missed`. */
  get missed(): number {
    return this.#scheduler.missed;
  }

  /**
   * Calls the provider and starts.
   *
   * @throws TaskCenterError `invalid-value` (a periodic task without spec or type), `scheduler-misused`, `broker-closed`; errors
   *   of the provider
   */
  async start(): Promise<void> {
    this.#lifetime.checkOpen();
    const tasks = await this.#load();
    // After a stop the scheduler refuses to start.
    await this.#scheduler.start();
    this.#lifetime.add(this);
    this.#sync(tasks);
    this.#loop.start();
  }

  /**
   * Stops calling the provider, and stops its scheduler. It does not wait for a call of the provider that is under way. May be
   * called twice. Closing the broker calls it, too.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#scheduler.stop();
    await this.#loop.stop();
    this.#lifetime.delete(this);
  }

  /** Resolves when it has stopped, by a call of `stop` or by the end of the broker. */
  whenStopped(): Promise<void> {
    return this.#scheduler.whenStopped().then(() => this.stop());
  }

  /**
   * The provider's tasks by their keys. A task without spec or type fails the whole call: the list is then not what it
   * should be. A task with a spec, an option or a payload that is not valid is logged and left out.
   */
  async #load(): Promise<Map<string, PeriodicTask>> {
    const provided = await this.#provided();
    if (!isList(provided))
      throw invalidValue('the value that provider returned', provided, 'a list of tasks');
    const given = provided as readonly PeriodicTask[];
    for (const task of given) checkPeriodicTask(task);
    const tasks = new Map<string, PeriodicTask>();
    for (const task of given) {
      try {
        const { spec, ...described } = task;
        this.#checkEntry(spec, described);
        tasks.set(periodicTaskKey(task), task);
      } catch (error) {
        if (!isTaskCenterError(error, 'invalid-value') && !isTaskCenterError(error, 'payload-too-large'))
          throw error;
        this.#runtime.log.error(
          { spec: task.spec, err: error },
          'a periodic task is not valid and was left out',
        );
      }
    }
    return tasks;
  }

  /** What the provider returns; nothing once the manager stops, which does not wait for a provider. */
  async #provided(): Promise<unknown> {
    let provided: unknown = [];
    const called = Promise.resolve(this.#options.provider()).then((list) => (provided = list));
    await unlessAborted(called, this.#stopping.signal);
    return provided;
  }

  #sync(tasks: ReadonlyMap<string, PeriodicTask>): void {
    if (this.#stopping.signal.aborted) return;
    for (const [key, entryId] of this.#entryIds) {
      if (tasks.has(key)) continue;
      this.#entryIds.delete(key);
      this.#scheduler
        .unregister(entryId)
        .catch((error: unknown) =>
          this.#runtime.log.warn(
            { entry_id: entryId, err: error },
            'the history of an entry could not be removed',
          ),
        );
    }
    for (const [key, { spec, ...task }] of tasks) {
      if (!this.#entryIds.has(key)) this.#entryIds.set(key, this.#scheduler.register(spec, task));
    }
  }
}
