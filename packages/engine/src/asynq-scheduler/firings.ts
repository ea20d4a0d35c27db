import { storedTaskId } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { Client } from '../client/client.ts';
import type { EnqueuedTask } from '../client/outcomes.ts';
import type { TaskToEnqueue } from '../client/prepare-task.ts';
import type { OptionRows } from '../checks/options.ts';
import { func } from '../checks/values.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { isTaskCenterError } from '../errors/task-center-error.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { within } from '../runtime/within.ts';

/** The outcome of a firing: the stored task, or why none was stored. */
export type FiringOutcome = { readonly task: EnqueuedTask } | { readonly error: unknown };

export interface FiringHooks {
  /**
   * Called before each task is enqueued. An error that it throws is logged, and the task is enqueued all the same; so it is if a
   * promise that it returns has not settled after 5 s.
   */
  readonly preEnqueue?: (task: TaskToEnqueue) => void | Promise<void>;
  /**
   * Called once for each firing, with its outcome. A call that failed is repeated before. An error that it throws is
   * logged.
   */
  readonly postEnqueue?: (outcome: FiringOutcome, task: TaskToEnqueue) => void | Promise<void>;
}

export const FIRING_ROWS: OptionRows<FiringHooks> = { preEnqueue: func, postEnqueue: func };

/** What fires. */
export interface FiringEntry {
  readonly id: string;
  readonly spec: string;
  readonly task: TaskToEnqueue;
}

export interface FiringDeps {
  /** Of the scheduler, for events. */
  readonly name: string;
  readonly broker: Pick<Broker, 'schedulerEntries'>;
  readonly client: Pick<Client, 'enqueue'>;
  readonly runtime: Runtime;
  readonly hooks: FiringHooks;
  isRegistered(entryId: string): boolean;
}

/** How long a firing waits for a hook. One that never ends must keep neither the task nor the stop. */
const MAX_HOOK_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** The task is there, as `unique` and `id` want it, or it was stored less safely than asked for. */
const STORED: readonly ErrorCode[] = ['task-exists', 'duplicate-task', 'durability-not-reached'];
/** The same call would fail again. */
const HOPELESS: readonly ErrorCode[] = [
  'invalid-value',
  'payload-too-large',
  'durability-unsupported',
  'broker-closed',
];

const hasCode = (error: unknown, codes: readonly ErrorCode[]): boolean =>
  codes.some((code) => isTaskCenterError(error, code));

/** Whether an earlier call, whose answer was lost, has stored the task with this new ID. */
function wasStored(error: unknown, newId: string): boolean {
  if (isTaskCenterError(error, 'duplicate-task')) return error.details.holder === newId;
  return isTaskCenterError(error, 'task-exists');
}

/** A task that an earlier call has stored: its answer was lost. */
function storedEarlier(
  id: string,
  { queue, group, delay, runAt }: TaskToEnqueue,
  nowMs: number,
): EnqueuedTask {
  const later = delay !== undefined || runAt !== undefined ? 'scheduled' : 'pending';
  const state = group === undefined ? later : 'aggregating';
  return { id, queue: queue ?? 'default', state, dueAt: runAt ?? new Date(nowMs) };
}

/**
 * Enqueues the tasks of entries. A call that fails is repeated, after pauses that grow, until the entry fires again: then
 * the firing is missed, which is logged, counted and emitted. All calls of a firing name the same ID, so a call that
 * was repeated because its answer was lost stores no second task.
 */
export class Firings {
  readonly #deps: FiringDeps;
  readonly #running = new Set<Promise<void>>();
  /** Ends the repetitions of an entry's last firing, by the entry's ID. */
  readonly #repeating = new Map<string, AbortController>();
  #missed = 0;
  #isStopped = false;

  constructor(deps: FiringDeps) {
    this.#deps = deps;
  }

  /** Firings whose task could not be enqueued. */
  get missed(): number {
    return this.#missed;
  }

  /** @param plannedMs the time of the entry, wall-clock ms */
  start(entry: FiringEntry, plannedMs: number): void {
    this.end(entry.id);
    const repeating = new AbortController();
    this.#repeating.set(entry.id, repeating);
    const firing = this.#fire(entry, plannedMs, repeating.signal).finally(() => {
      this.#running.delete(firing);
      if (this.#repeating.get(entry.id) === repeating) this.#repeating.delete(entry.id);
    });
    this.#running.add(firing);
  }

  /** Ends the repetitions of an entry's last firing: it fires again, or was unregistered. */
  end(entryId: string): void {
    this.#repeating.get(entryId)?.abort();
  }

  /** Ends all repetitions. Resolves when the current calls have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const repeating of this.#repeating.values()) repeating.abort();
    await Promise.all(this.#running);
  }

  /** Never rejects. */
  async #fire(entry: FiringEntry, plannedMs: number, signal: AbortSignal): Promise<void> {
    const { hooks, runtime } = this.#deps;
    const { task } = entry;
    await this.#runHook(() => hooks.preEnqueue?.(task));
    const outcome = await this.#enqueue(entry, signal);
    await this.#runHook(() => hooks.postEnqueue?.(outcome, task));
    if ('task' in outcome) return this.#recordEvent(entry, outcome.task);
    const { error } = outcome;
    if (!hasCode(error, STORED)) return this.#miss(entry, plannedMs, error);
    runtime.log.warn({ entry_id: entry.id, err: error }, 'a scheduled task could not be enqueued');
  }

  /** Enqueues the task, again and again if the call fails. Never rejects. */
  async #enqueue({ id: entryId, task: described }: FiringEntry, signal: AbortSignal): Promise<FiringOutcome> {
    const { client, runtime } = this.#deps;
    const { clock, log, random } = runtime;
    const { task, payload, ...options } = described;
    const id = options.id ?? runtime.newId();
    for (let pauseMs = FIRST_PAUSE_MS, isRepeated = false; ; isRepeated = true) {
      try {
        return { task: await client.enqueue(task, payload, { ...options, id }) };
      } catch (error) {
        if (isRepeated && options.id === undefined && wasStored(error, id))
          return { task: storedEarlier(id, described, clock.wallMs()) };
        if (hasCode(error, STORED) || hasCode(error, HOPELESS) || signal.aborted || this.#isStopped)
          return { error };
        if (!isRepeated)
          log.warn({ entry_id: entryId, err: error }, 'a scheduled task could not be enqueued; trying again');
        await clock.sleep(pauseMs * (0.75 + random() / 2), signal);
        if (signal.aborted) return { error };
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
      }
    }
  }

  #miss({ id, spec, task: { task } }: FiringEntry, plannedMs: number, error: unknown): void {
    const { name, runtime } = this.#deps;
    this.#missed += 1;
    const type = typeof task === 'string' ? task : task.type;
    runtime.log.error(
      { entry_id: id, spec, type, planned: new Date(plannedMs).toISOString(), err: error },
      'a scheduled task was not enqueued and will not be: its time was missed',
    );
    runtime.events.emit('firing.missed', { scheduler: name, entryId: id, spec, type, plannedMs, error });
  }

  async #recordEvent({ id, task }: FiringEntry, stored: EnqueuedTask): Promise<void> {
    const { broker, isRegistered, runtime } = this.#deps;
    const taskId = storedTaskId(stored.id, task.context?.businessId ?? null);
    try {
      await broker.schedulerEntries.recordEvent(id, { taskId, atMs: runtime.clock.wallMs() });
      // If the entry was unregistered meanwhile, its history has been removed before this event was added.
      if (!isRegistered(id)) await broker.schedulerEntries.clearEvents([id]);
    } catch (error) {
      runtime.log.warn(
        { entry_id: id, task_id: taskId, err: error },
        'an enqueue event could not be recorded',
      );
    }
  }

  /** Never rejects. */
  async #runHook(hook: () => void | Promise<void> | undefined): Promise<void> {
    const { clock, log } = this.#deps.runtime;
    try {
      const running = hook();
      if (!running) return;
      const hasEnded = await within(clock, MAX_HOOK_MS, async () => {
        await running;
        return true;
      });
      if (!hasEnded)
        log.warn({ waited_ms: MAX_HOOK_MS }, 'a scheduler hook has not ended; its firing goes on without it');
    } catch (error) {
      log.error({ err: error }, 'a scheduler hook failed');
    }
  }
}
