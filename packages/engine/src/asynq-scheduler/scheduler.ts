import { hostname } from 'node:os';
import { compareByNext, storedTaskId, Timetable, type TimedEntry } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { EntryRecord } from '../broker/scheduler-entries.ts';
import { Client, type ClientOptions, type EnqueuedTask } from '../client/client.ts';
import type { TaskToEnqueue } from '../client/prepare-task.ts';
import { invalidValue, TaskCenterError } from '../errors/task-center-error.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { encodeContent } from '../task/payload.ts';
import { checkedCron, checkedTypeName } from '../task/checked.ts';
import { optionTexts } from './entry-options.ts';

/** The outcome of a firing: the stored task, or why none was stored. */
export type FiringOutcome = { readonly task: EnqueuedTask } | { readonly error: unknown };

export interface SchedulerOptions extends ClientOptions {
  /** IANA zone of the specs that name none. Default `UTC`. */
  readonly timeZone?: string;
  /**
   * How often the entries are published for inspectors, 1,000 to 600,000 ms. They expire after twice this time. Default
   * 10,000.
   */
  readonly heartbeatMs?: number;
  /** Called before each task is enqueued. An error that it throws is logged; the task is enqueued all the same. */
  readonly preEnqueue?: (task: TaskToEnqueue) => void | Promise<void>;
  /** Called after each attempt to enqueue a task, with its outcome. An error that it throws is logged. */
  readonly postEnqueue?: (outcome: FiringOutcome, task: TaskToEnqueue) => void | Promise<void>;
}

interface Entry extends TimedEntry {
  readonly id: string;
  readonly spec: string;
  readonly task: TaskToEnqueue;
  /** What inspectors see of it, except the times. */
  readonly record: Omit<EntryRecord, 'nextMs' | 'prevMs'>;
}

const HEARTBEAT_MS = 10_000;
const MIN_HEARTBEAT_MS = 1_000;
const MAX_HEARTBEAT_MS = 600_000;
/** The wall clock is read at least this often, ms: it may be set while the scheduler waits. */
const MAX_TIMER_WAIT_MS = 30_000;

function checkedHeartbeat(ms: number): number {
  if (Number.isInteger(ms) && ms >= MIN_HEARTBEAT_MS && ms <= MAX_HEARTBEAT_MS) return ms;
  const expected = `a whole number from ${MIN_HEARTBEAT_MS} to ${MAX_HEARTBEAT_MS}`;
  throw invalidValue('heartbeatMs', ms, expected);
}

/** An entry as Asynq publishes it. */
function entryRecordOf(id: string, spec: string, { task, payload, ...options }: TaskToEnqueue) {
  const bytes = encodeContent(payload);
  return {
    id,
    spec,
    type: checkedTypeName(typeof task === 'string' ? task : task.type),
    payload: bytes && bytes.length > 0 ? bytes : null,
    options: optionTexts(options),
  };
}

/**
 * Enqueues tasks at the times of their cron specs, as Asynq's scheduler does. Schedulers do not coordinate: two with the
 * same entry enqueue its task twice, unless the task is `unique` or has an `id`.
 *
 * An entry that is late fires once, and the times it has missed are not made up for. It is late when the process was
 * suspended or the machine slept. A clock that is set back by less than an hour repeats no firing.
 */
export class Scheduler {
  /** Names this scheduler for inspectors: `host:pid:uuid`, as Asynq's. */
  readonly name: string;
  readonly #broker: Broker;
  readonly #client: Client;
  readonly #runtime: Runtime;
  readonly #options: SchedulerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #timetable: Timetable<Entry>;
  readonly #firings = new Set<Promise<void>>();
  readonly #timer: Loop;
  readonly #heartbeat: Loop;
  #state: 'new' | 'active' | 'closed' = 'new';
  #stopped: Promise<void> | undefined;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: SchedulerOptions = {}) {
    const runtime = (this.#runtime = createRuntime(options.runtime));
    this.#broker = broker;
    this.#options = options;
    this.#client = new Client(broker, { ...options, runtime });
    this.#timetable = new Timetable(runtime.clock, () => this.#entries.values());
    this.name = `${hostname() || 'unknown-host'}:${process.pid}:${runtime.newId()}`;
    const heartbeatMs = checkedHeartbeat(options.heartbeatMs ?? HEARTBEAT_MS);
    // Throws if the time zone is not valid.
    checkedCron('@daily', options.timeZone);
    this.#timer = createLoop({
      name: 'scheduler',
      runtime,
      step: () => {
        for (const entry of this.#timetable.takeDue()) this.#startFiring(entry);
        return Promise.resolve(Math.min(this.#timetable.waitMs(), MAX_TIMER_WAIT_MS));
      },
    });
    this.#heartbeat = createLoop({
      name: 'scheduler-heartbeat',
      runtime,
      step: async () => {
        await broker.schedulerEntries.writeEntries(this.name, {
          entries: this.#records(),
          ttlMs: 2 * heartbeatMs,
        });
        return heartbeatMs;
      },
    });
  }

  /**
   * Adds an entry: a task to enqueue at the times of `spec`. May be called before the start and while it runs.
   *
   * @param spec five cron fields, a name such as `@daily`, or `@every 90s`. The prefix `TZ=Europe/Berlin ` sets its zone.
   * @param task enqueued with the same payload each time. With an `id` it is enqueued only if no task has that ID, with
   *   `unique` only if there is no other such task.
   * @returns the entry's ID, a UUID
   * @throws TaskCenterError `invalid-value`
   */
  register(spec: string, task: TaskToEnqueue): string {
    const cron = checkedCron(spec, this.#options.timeZone);
    const id = this.#runtime.newId();
    const entry: Entry = {
      id,
      spec,
      task,
      cron,
      record: entryRecordOf(id, spec, task),
      nextMs: null,
      prevMs: null,
    };
    if (this.#state === 'active') this.#timetable.plan(entry);
    this.#entries.set(id, entry);
    this.#wakeLoops();
    return id;
  }

  /**
   * Removes an entry and its history.
   *
   * @throws TaskCenterError `entry-not-found`; `broker-unavailable` (the entry is removed, but its history stays)
   */
  async unregister(entryId: string): Promise<void> {
    if (!this.#entries.delete(entryId)) throw new TaskCenterError('entry-not-found', { id: entryId });
    this.#wakeLoops();
    if (this.#state === 'active') await this.#broker.schedulerEntries.clearEvents([entryId]);
  }

  /** Begins to fire. Times before now are not made up for. @throws TaskCenterError `scheduler-misused` */
  start(): Promise<void> {
    if (this.#state !== 'new') {
      const cause = this.#state === 'active' ? 'it is already running' : 'it has already been stopped';
      return Promise.reject(new TaskCenterError('scheduler-misused', { cause }));
    }
    this.#state = 'active';
    for (const entry of this.#entries.values()) this.#timetable.plan(entry);
    this.#timer.start();
    this.#heartbeat.start();
    return Promise.resolve();
  }

  /**
   * Stops firing. Resolves when the tasks of current firings are enqueued and everything published for inspectors is
   * removed. May be called twice.
   */
  stop(): Promise<void> {
    if (this.#state === 'active') this.#stopped ??= this.#shutDown();
    this.#state = 'closed';
    return this.#stopped ?? Promise.resolve();
  }

  async #shutDown(): Promise<void> {
    const { schedulerEntries } = this.#broker;
    const { log } = this.#runtime;
    const logFailure = (removal: Promise<void>) =>
      removal.catch((error: unknown) =>
        log.warn({ err: error }, 'the entries or events of a scheduler could not be removed'),
      );
    await Promise.all([
      this.#timer.stop(),
      this.#heartbeat.stop().then(() => logFailure(schedulerEntries.clearEntries(this.name))),
    ]);
    await Promise.all(this.#firings);
    await logFailure(schedulerEntries.clearEvents([...this.#entries.keys()]));
  }

  /** Makes both loops take note of changed entries at once. */
  #wakeLoops(): void {
    if (this.#state !== 'active') return;
    this.#timer.wake();
    this.#heartbeat.wake();
  }

  #records(): EntryRecord[] {
    const records = Array.from(this.#entries.values(), ({ record, nextMs, prevMs }) => ({
      ...record,
      nextMs,
      prevMs,
    }));
    return records.sort(compareByNext);
  }

  #startFiring(entry: Entry): void {
    const firing = this.#fire(entry).finally(() => this.#firings.delete(firing));
    this.#firings.add(firing);
  }

  /** Never rejects. */
  async #fire({ id, task }: Entry): Promise<void> {
    const { preEnqueue, postEnqueue } = this.#options;
    await this.#runHook(() => preEnqueue?.(task));
    const outcome = await this.#enqueue(task);
    await this.#runHook(() => postEnqueue?.(outcome, task));
    const { clock, log } = this.#runtime;
    if ('error' in outcome) {
      log.warn({ entry_id: id, err: outcome.error }, 'a scheduled task could not be enqueued');
      return;
    }
    const taskId = storedTaskId(outcome.task.id, task.context?.businessId ?? null);
    try {
      await this.#broker.schedulerEntries.recordEvent(id, { taskId, atMs: clock.wallMs() });
      // If the entry was unregistered meanwhile, its history has been removed before this event was added.
      if (!this.#entries.has(id)) await this.#broker.schedulerEntries.clearEvents([id]);
    } catch (error) {
      log.warn({ entry_id: id, task_id: taskId, err: error }, 'an enqueue event could not be recorded');
    }
  }

  async #enqueue({ task, payload, ...options }: TaskToEnqueue): Promise<FiringOutcome> {
    try {
      return { task: await this.#client.enqueue(task, payload, options) };
    } catch (error) {
      return { error };
    }
  }

  /** Never rejects. */
  async #runHook(hook: () => void | Promise<void> | undefined): Promise<void> {
    try {
      await hook();
    } catch (error) {
      this.#runtime.log.error({ err: error }, 'a scheduler hook failed');
    }
  }
}
