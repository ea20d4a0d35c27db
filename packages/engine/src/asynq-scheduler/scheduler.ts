import { hostname } from 'node:os';
import type { Broker } from '../broker/broker.ts';
import type { EntryRecord } from '../broker/scheduler-entries.ts';
import { Client, type ClientOptions, type EnqueuedTask } from '../client/client.ts';
import type { TaskToEnqueue } from '../client/prepare-task.ts';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { encodeContent } from '../task/payload.ts';
import { checkedTypeName } from '../task/queue-name.ts';
import { storedTaskId } from '../task/task-id.ts';
import { parseCron } from './cron.ts';
import { optionTexts } from './entry-options.ts';
import { byNext, Timetable, type Timed } from './timetable.ts';

/** What came of a firing: the stored task, or why there is none. */
export type Fired = { readonly task: EnqueuedTask } | { readonly error: unknown };

export interface SchedulerOptions extends ClientOptions {
  /** IANA zone of the specs that name none. Default `UTC`. */
  readonly timeZone?: string;
  /** How often the entries are shown to inspectors, 1,000 to 600,000 ms; each is good for twice as long. Default 10,000. */
  readonly heartbeatMs?: number;
  /** Called before each task is enqueued. What it throws is logged; the task is enqueued all the same. */
  readonly preEnqueue?: (task: TaskToEnqueue) => void | Promise<void>;
  /** Called after each attempt to enqueue a task, with what came of it. What it throws is logged. */
  readonly postEnqueue?: (fired: Fired, task: TaskToEnqueue) => void | Promise<void>;
}

interface Entry extends Timed {
  readonly id: string;
  readonly spec: string;
  readonly task: TaskToEnqueue;
  /** What is shown of it, all but the times. */
  readonly record: Omit<EntryRecord, 'nextMs' | 'prevMs'>;
}

const HEARTBEAT_MS = 10_000;
const MIN_HEARTBEAT_MS = 1_000;
const MAX_HEARTBEAT_MS = 600_000;
/** The wall clock is looked at this often, so that one that is set does no harm. */
const MAX_WAIT_MS = 30_000;

function checkedHeartbeat(ms: number): number {
  if (Number.isInteger(ms) && ms >= MIN_HEARTBEAT_MS && ms <= MAX_HEARTBEAT_MS) return ms;
  const expected = `a whole number from ${MIN_HEARTBEAT_MS} to ${MAX_HEARTBEAT_MS}`;
  throw new TaskCenterError('invalid-value', { name: 'heartbeatMs', got: shown(ms), expected });
}

/** As Asynq shows it (protocol 2.3). */
function recordOf(id: string, spec: string, { task, payload, ...options }: TaskToEnqueue) {
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
 * Enqueues tasks again and again, as Asynq's scheduler does. Schedulers do not know of each other: two with the same
 * entry enqueue it twice, unless its task is `unique` or has an `id`.
 *
 * A firing that comes late (the process was stopped, the machine slept) fires once; times missed on the way are not
 * made up for. A time of a clock that was set back by less than an hour fires once.
 */
export class Scheduler {
  /** Who it is for inspectors: `host:pid:uuid`. */
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
    // As Asynq's (protocol 1.8).
    this.name = `${hostname() || 'unknown-host'}:${process.pid}:${runtime.newId()}`;
    const heartbeatMs = checkedHeartbeat(options.heartbeatMs ?? HEARTBEAT_MS);
    // A zone that is none is refused here.
    parseCron('@daily', options.timeZone);
    this.#timer = createLoop({
      name: 'scheduler',
      runtime,
      step: () => {
        for (const entry of this.#timetable.due()) this.#start(entry);
        return Promise.resolve(Math.min(this.#timetable.waitMs(), MAX_WAIT_MS));
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
   * Has a task enqueued at the times of `spec`, from the start on; later also while it runs.
   *
   * @param spec five cron fields, a name such as `@daily`, or `@every 90s`; after `TZ=Europe/Berlin ` in that zone.
   * @param task its payload is the same each time. With an `id` it is enqueued only while no task has that ID, with
   *   `unique` only while there is no other such task.
   * @returns the entry's ID, a UUID
   * @throws TaskCenterError `invalid-value`
   */
  register(spec: string, task: TaskToEnqueue): string {
    const cron = parseCron(spec, this.#options.timeZone);
    const id = this.#runtime.newId();
    const entry: Entry = {
      id,
      spec,
      task,
      cron,
      record: recordOf(id, spec, task),
      nextMs: null,
      prevMs: null,
    };
    if (this.#state === 'active') this.#timetable.plan(entry);
    this.#entries.set(id, entry);
    this.#changed();
    return id;
  }

  /**
   * Ends the firing of an entry, and forgets its history.
   *
   * @throws TaskCenterError `entry-not-found`; `broker-unavailable`: it fires no more, its history stays
   */
  async unregister(entryId: string): Promise<void> {
    if (!this.#entries.delete(entryId)) throw new TaskCenterError('entry-not-found', { id: entryId });
    this.#changed();
    if (this.#state === 'active') await this.#broker.schedulerEntries.clearEvents([entryId]);
  }

  /** Fires from now on; nothing for the time before. @throws TaskCenterError `scheduler-misused` */
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
   * Fires no more; resolves when what has fired is enqueued, and inspectors see nothing of this scheduler any more. May
   * be called twice.
   */
  stop(): Promise<void> {
    if (this.#state === 'active') this.#stopped ??= this.#shutDown();
    this.#state = 'closed';
    return this.#stopped ?? Promise.resolve();
  }

  async #shutDown(): Promise<void> {
    const { schedulerEntries } = this.#broker;
    const { log } = this.#runtime;
    const tidy = (what: Promise<void>) =>
      what.catch((error: unknown) => log.warn({ err: error }, 'a scheduler could not tidy up after itself'));
    await Promise.all([
      this.#timer.stop(),
      this.#heartbeat.stop().then(() => tidy(schedulerEntries.clearEntries(this.name))),
    ]);
    await Promise.all(this.#firings);
    await tidy(schedulerEntries.clearEvents([...this.#entries.keys()]));
  }

  /** The entries are others now. */
  #changed(): void {
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
    return records.sort(byNext);
  }

  #start(entry: Entry): void {
    const firing = this.#fire(entry).finally(() => this.#firings.delete(firing));
    this.#firings.add(firing);
  }

  /** Never rejects. */
  async #fire({ id, task }: Entry): Promise<void> {
    const { preEnqueue, postEnqueue } = this.#options;
    await this.#hook(() => preEnqueue?.(task));
    const fired = await this.#enqueue(task);
    await this.#hook(() => postEnqueue?.(fired, task));
    const { clock, log } = this.#runtime;
    if ('error' in fired) {
      log.warn({ entry_id: id, err: fired.error }, 'a scheduled task could not be enqueued');
      return;
    }
    const taskId = storedTaskId(fired.task.id, task.context?.businessId ?? null);
    try {
      await this.#broker.schedulerEntries.recordEvent(id, { taskId, atMs: clock.wallMs() });
      // Unregistered meanwhile: nobody else would remove it.
      if (!this.#entries.has(id)) await this.#broker.schedulerEntries.clearEvents([id]);
    } catch (error) {
      log.warn({ entry_id: id, task_id: taskId, err: error }, 'an enqueue event could not be recorded');
    }
  }

  async #enqueue({ task, payload, ...options }: TaskToEnqueue): Promise<Fired> {
    try {
      return { task: await this.#client.enqueue(task, payload, options) };
    } catch (error) {
      return { error };
    }
  }

  async #hook(call: () => void | Promise<void> | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#runtime.log.error({ err: error }, 'a hook of a scheduler failed');
    }
  }
}
