import { hostname } from 'node:os';
import { compareByNext, Timetable, type Duration, type TimedEntry } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { EntryRecord } from '../broker/scheduler-entries.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck, type OptionRows } from '../checks/options.ts';
import { checkBroker, durationWithin, filledText, anyText } from '../checks/values.ts';
import { Client, type ClientOptions } from '../client/client.ts';
import { clientOptionsOf, PREPARE_ROWS, type TaskToEnqueue } from '../client/prepare-task.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { createLoop, poll, type Loop } from '../runtime/loop.ts';
import { runtimeOn, type Runtime } from '../runtime/runtime.ts';
import { checkedCron } from '../task/checked.ts';
import { createCheckEntry } from './check-entry.ts';
import { FIRING_ROWS, Firings, type FiringEntry, type FiringHooks } from './firings.ts';

/**
 * `profile: 'asynq'` also means the clock rules of Go: `@every` counts from the start, a local time that the zone leaves out
 * is skipped, one that comes twice fires twice, and all specs that Go accepts are accepted. A fleet that runs the same entries
 * in Go and here needs it. See docs/schedules.md.
 */
export interface SchedulerOptions extends ClientOptions, FiringHooks {
  /** IANA zone of the specs that name none. Default `UTC`. */
  readonly timeZone?: string;
  /**
   * How often the entries are published for inspectors, 1 s to 10 min. They expire after twice this time. Default 10 s.
   */
  readonly heartbeat?: Duration;
}

export const SCHEDULER_ROWS: OptionRows<SchedulerOptions> = {
  ...PREPARE_ROWS,
  ...FIRING_ROWS,
  timeZone: anyText,
  heartbeat: durationWithin({ min: '1s', max: '10m' }),
};
const checkSchedulerOptions = createOptionsCheck<SchedulerOptions>('Scheduler', SCHEDULER_ROWS);

interface Entry extends TimedEntry, FiringEntry {
  /** What inspectors see of it, except the times. */
  readonly record: Omit<EntryRecord, 'nextMs' | 'prevMs'>;
}

const HEARTBEAT: Duration = '10s';
/** While there are entries, the wall clock is read at least this often, ms: it may be set, or the machine may have slept. */
const MAX_TIMER_WAIT_MS = 1_000;
const MAX_IDLE_WAIT_MS = 60_000;

/**
 * Enqueues tasks at the times of their cron specs, as Asynq's scheduler does. Schedulers do not coordinate: two with the
 * same entry enqueue its task twice, unless the task is `unique` or has an `id`.
 *
 * An entry that is late fires once, and the times it has missed are not made up for. It is late when the process was
 * suspended or the machine slept. When the clock is set back, the next times are computed again within a second, and times
 * that have fired do not fire again. A call that fails is repeated until its entry fires again; then the firing is missed.
 * See docs/schedules.md.
 */
export class Scheduler {
  /** Names this scheduler for inspectors: `host:pid:uuid`, as Asynq's. */
  readonly name: string;
  readonly #broker: Broker;
  readonly #runtime: Runtime;
  readonly #checkEntry: ReturnType<typeof createCheckEntry>;
  readonly #entries = new Map<string, Entry>();
  readonly #timetable: Timetable<Entry>;
  readonly #firings: Firings;
  readonly #timer: Loop;
  readonly #heartbeat: Loop;
  #state: 'new' | 'active' | 'closed' = 'new';
  #stopping: Promise<void> | undefined;
  #markStopped = () => {};
  readonly #stopped = new Promise<void>((resolve) => (this.#markStopped = resolve));

  /** Firings whose task could not be enqueued before the entry fired again. Each was logged and emitted. */
  get missed(): number {
    return this.#firings.missed;
  }

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: SchedulerOptions = {}) {
    checkBroker(broker, 'submit', 'schedulerEntries');
    checkSchedulerOptions(options);
    const runtime = (this.#runtime = runtimeOn(broker, options.runtime));
    this.#broker = broker;
    this.#checkEntry = createCheckEntry({ ...options, runtime });
    this.name = `${hostname() || 'unknown-host'}:${process.pid}:${runtime.newId()}`;
    this.#timetable = new Timetable(runtime.clock, () => this.#entries.values(), {
      onForgotten: (entries, setBackMs) => this.#tellForgotten(entries, setBackMs),
    });
    this.#firings = new Firings({
      name: this.name,
      broker,
      client: new Client(broker, clientOptionsOf(options, runtime)),
      runtime,
      hooks: options,
      isRegistered: (id) => this.#entries.has(id),
    });
    const heartbeatMs = durationMs(options.heartbeat ?? HEARTBEAT, 'heartbeat');
    // Throws if the time zone is not valid.
    checkedCron('@daily', options);
    this.#timer = createLoop({
      name: 'scheduler',
      runtime,
      step: () => {
        this.#fireDue();
        const maxMs = this.#entries.size > 0 ? MAX_TIMER_WAIT_MS : MAX_IDLE_WAIT_MS;
        const dueMs = this.#timetable.waitMs();
        return Promise.resolve({ ms: Math.min(dueMs, maxMs), dueMs });
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
        return poll(heartbeatMs);
      },
    });
  }

  /**
   * Adds an entry: a task to enqueue at the times of `spec`. May be called before the start and while it runs.
   *
   * Clock changes, unless the profile is `asynq`: a local time that a zone leaves out fires once, at the end of the gap;
   * one that comes twice fires the first time. An hour field that begins with `*` follows real time. `@every` fires at the
   * multiples of its interval since 1970 (UTC), so a restart changes nothing. docs/schedules.md has examples.
   *
   * @param spec five cron fields, a name such as `@daily`, or `@every 90s`. The prefix `TZ=Europe/Berlin ` sets its zone. A spec
   *   that never fires, or not as it is written, is refused: `0 0 31 2 *`, `1-5/10 * * * *`, `@every 1.5s`.
   * @param task enqueued with the same payload each time. With an `id` it is enqueued only if no task has that ID, with
   *   `unique` only if there is no other such task.
   * @returns the entry's ID, a UUID
   * @throws TaskCenterError `invalid-value`, `payload-too-large`: also for a task that could never be enqueued
   */
  register<Input>(spec: string, task: TaskToEnqueue<Input>): string {
    filledText(spec, 'spec');
    const { cron, ...shown } = this.#checkEntry(spec, task);
    const id = this.#runtime.newId();
    const entry: Entry = { id, spec, task, cron, record: { id, spec, ...shown }, nextMs: null, prevMs: null };
    if (this.#state === 'active') this.#timetable.plan(entry);
    this.#entries.set(id, entry);
    this.#wakeLoops();
    return id;
  }

  /**
   * Removes an entry and its history. If its time has come at this moment, it fires before: an entry that is replaced loses
   * no time.
   *
   * @throws TaskCenterError `entry-not-found`; `broker-unavailable` (the entry is removed, but its history stays)
   */
  async unregister(entryId: string): Promise<void> {
    anyText(entryId, 'entryId');
    if (this.#state === 'active') this.#fireDue();
    if (!this.#entries.delete(entryId)) throw new TaskCenterError('entry-not-found', { id: entryId });
    this.#firings.end(entryId);
    this.#wakeLoops();
    if (this.#state === 'active') await this.#broker.schedulerEntries.clearEvents([entryId]);
  }

  /** Begins to fire. Times before now are not made up for. @throws TaskCenterError `scheduler-misused`, `broker-closed` */
  async start(): Promise<void> {
    if (this.#state !== 'new') {
      const cause = this.#state === 'active' ? 'it is already running' : 'it has already been stopped';
      throw new TaskCenterError('scheduler-misused', { cause });
    }
    this.#broker.lifetime.add(this);
    this.#state = 'active';
    for (const entry of this.#entries.values()) this.#timetable.plan(entry);
    this.#timer.start();
    this.#heartbeat.start();
  }

  /**
   * Stops firing. Resolves when the tasks of current firings are enqueued and everything published for inspectors is
   * removed. May be called twice. Closing the broker calls it, too.
   */
  stop(): Promise<void> {
    this.#stopping ??= (this.#state === 'active' ? this.#shutDown() : Promise.resolve()).finally(() => {
      this.#broker.lifetime.delete(this);
      this.#markStopped();
    });
    this.#state = 'closed';
    return this.#stopping;
  }

  /** Resolves when it has stopped, by a call of `stop` or by the end of the broker. */
  whenStopped(): Promise<void> {
    return this.#stopped;
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
    await this.#firings.stop();
    await logFailure(schedulerEntries.clearEvents([...this.#entries.keys()]));
  }

  #fireDue(): void {
    for (const entry of this.#timetable.takeDue())
      this.#firings.start(entry, entry.prevMs ?? this.#runtime.clock.wallMs());
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

  /** The clock was set back far, and these entries will fire again at times that have fired. */
  #tellForgotten(entries: readonly Entry[], setBackMs: number): void {
    const entryIds = entries.map(({ id }) => id);
    this.#runtime.log.warn(
      { entry_ids: entryIds, set_back_ms: setBackMs },
      'the clock was set back far; these entries fire at the new times, also at those that have fired before',
    );
    this.#runtime.events.emit('scheduler.replanned', { scheduler: this.name, entryIds, setBackMs });
  }
}
