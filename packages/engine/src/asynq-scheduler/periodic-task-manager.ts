import { createHash } from 'node:crypto';
import type { Broker } from '../broker/broker.ts';
import type { TaskToEnqueue } from '../client/prepare-task.ts';
import { isTaskCenterError, shown, TaskCenterError } from '../errors/task-center-error.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { encodeContent } from '../task/payload.ts';
import { checkedTypeName } from '../task/queue-name.ts';
import { parseCron } from './cron.ts';
import { optionTexts } from './entry-options.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

/** A task with the times at which it is to be enqueued. */
export interface PeriodicTask extends TaskToEnqueue {
  /** As for `Scheduler.register`. */
  readonly spec: string;
}

export interface PeriodicTaskManagerOptions extends SchedulerOptions {
  /** Gives all periodic tasks that there are to be, again and again: from a file, a database … */
  readonly provider: () => readonly PeriodicTask[] | Promise<readonly PeriodicTask[]>;
  /** How often the provider is asked, ms, at least 1. Default 180,000. */
  readonly syncIntervalMs?: number;
}

const SYNC_MS = 180_000;

function checkedInterval(ms: number): number {
  if (Number.isInteger(ms) && ms >= 1) return ms;
  const expected = 'a whole number from 1';
  throw new TaskCenterError('invalid-value', { name: 'syncIntervalMs', got: shown(ms), expected });
}

/** Providers read what people write: types alone do not prove it. */
function checkTask(given: PeriodicTask): void {
  const { spec, task } = (given ?? {}) as Partial<PeriodicTask>;
  const type = typeof task === 'string' ? task : task?.type;
  if (typeof spec === 'string' && spec !== '' && typeof type === 'string' && type.trim() !== '') return;
  const got = `spec ${shown(spec)}, task ${shown(type)}`;
  throw new TaskCenterError('invalid-value', { name: 'A periodic task', got, expected: 'a spec and a task' });
}

const sorted = (pairs: object = {}): [string, unknown][] =>
  Object.entries(pairs).sort(([a], [b]) => (a < b ? -1 : 1));

/**
 * What tells two periodic tasks apart: unlike Asynq's (protocol 6.3), all that the stored tasks will have.
 *
 * @throws TaskCenterError `invalid-value`
 */
function keyOf({ spec, task, payload, ...options }: PeriodicTask): string {
  const [type, defaults] = typeof task === 'string' ? [task, {}] : [task.type, task.defaults];
  const { context, backoff, durability } = options;
  checkedTypeName(type);
  const hash = createHash('sha256');
  const texts = [...optionTexts(options)].sort();
  const exact = [options.runAt, options.deadline].map((date) => date?.getTime() ?? null);
  hash.update(
    JSON.stringify([spec, type, texts, exact, sorted(context), backoff, durability, sorted(defaults)]),
  );
  hash.update('\0').update(encodeContent(payload) ?? '');
  return hash.digest('hex');
}

/**
 * A scheduler whose entries follow what a provider says: at each look new ones are registered, those that are gone
 * unregistered, and the others left alone, with their IDs and times. Equal ones count as one.
 */
export class PeriodicTaskManager {
  readonly #options: PeriodicTaskManagerOptions;
  readonly #runtime: Runtime;
  readonly #scheduler: Scheduler;
  readonly #loop: Loop;
  /** Entry IDs. */
  readonly #registered = new Map<string, string>();
  #stopping = false;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: PeriodicTaskManagerOptions) {
    this.#options = options;
    const runtime = (this.#runtime = createRuntime(options.runtime));
    this.#scheduler = new Scheduler(broker, { ...options, runtime });
    const intervalMs = checkedInterval(options.syncIntervalMs ?? SYNC_MS);
    let first = true;
    this.#loop = createLoop({
      name: 'periodic-task-manager',
      runtime,
      failureMs: intervalMs,
      step: async () => {
        // The start has done it.
        if (!first) this.#apply(await this.#ask());
        first = false;
        return intervalMs;
      },
    });
  }

  /** Who its scheduler is for inspectors. */
  get name(): string {
    return this.#scheduler.name;
  }

  /**
   * Asks the provider and starts.
   *
   * @throws TaskCenterError `invalid-value` (a periodic task without spec or type), `scheduler-misused`; what the provider throws
   */
  async start(): Promise<void> {
    const tasks = await this.#ask();
    await this.#scheduler.start();
    this.#apply(tasks);
    this.#loop.start();
  }

  /** Asks no more and stops its scheduler. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#scheduler.stop();
    await this.#loop.stop();
  }

  /** By their keys; one that is not valid in itself is left out, one that is none fails all. */
  async #ask(): Promise<Map<string, PeriodicTask>> {
    const given = await this.#options.provider();
    for (const task of given) checkTask(task);
    const tasks = new Map<string, PeriodicTask>();
    for (const task of given) {
      try {
        parseCron(task.spec, this.#options.timeZone);
        tasks.set(keyOf(task), task);
      } catch (error) {
        if (!isTaskCenterError(error, 'invalid-value')) throw error;
        this.#runtime.log.error(
          { spec: task.spec, err: error },
          'a periodic task is not valid; it is left out',
        );
      }
    }
    return tasks;
  }

  #apply(tasks: ReadonlyMap<string, PeriodicTask>): void {
    if (this.#stopping) return;
    for (const [key, entryId] of this.#registered) {
      if (tasks.has(key)) continue;
      this.#registered.delete(key);
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
      if (!this.#registered.has(key)) this.#registered.set(key, this.#scheduler.register(spec, task));
    }
  }
}
