import { setMaxListeners } from 'node:events';
import { plainTaskId } from '@task-center/model';
import type { Broker } from '../../broker/broker.ts';
import { SET_MS, type AggregationSet, type FinishedSet } from '../../broker/groups.ts';
import type { TaskRecord } from '../../broker/inspect.ts';
import type { NewTask } from '../../broker/submit.ts';
import { checkTaskToEnqueue, type PrepareTask } from '../../client/prepare-task.ts';
import { invalidValue } from '../../errors/task-center-error.ts';
import { reportQuarantined } from '../../loops/report-quarantined.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { plainBytes } from '../../task/payload.ts';
import { errorTextOf } from '../run/error-info.ts';
import { RepeatedFailures } from './repeated-failures.ts';
import type { AggregatedGroup, AggregationOptions, GroupedTask } from './rules.ts';

/** `aggregate` is warned this long before its set is given up: the new task must be stored by then. */
const WARNING_LEAD_MS = 5_000;
/** A set is given up this long before its time is over in the broker, which must still be told. It counts whole seconds. */
const TELL_LEAD_MS = 2_000;
/** Pause of a set whose new task is a duplicate: until the other one has ended, its tasks wait, and nothing is wrong with them. */
const DUPLICATE_PAUSE_MS = 30_000;

export interface SetDeps {
  readonly broker: Pick<Broker, 'groups'>;
  readonly runtime: Runtime;
  /** Checks a new task and fills in its defaults. */
  readonly prepare: PrepareTask;
  readonly aggregate: AggregationOptions['aggregate'];
}

/** What a set is aggregated with. */
interface SetContext {
  readonly time: SetTime;
  readonly deps: SetDeps;
  readonly failures: RepeatedFailures;
}

/** The time that `aggregate` has for a set: until a warning, and then 5 s more. */
class SetTime {
  readonly #clock: Clock;
  readonly #warning = new AbortController();
  readonly #over = new AbortController();
  #timer: Timer;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    // `aggregate` may pass it to any number of calls.
    setMaxListeners(0, this.#warning.signal);
    this.#timer = clock.after(SET_MS - TELL_LEAD_MS - WARNING_LEAD_MS, () => this.warn());
  }

  /** Aborts when the time is nearly over. */
  get warning(): AbortSignal {
    return this.#warning.signal;
  }

  /** The time is nearly over. */
  warn(): void {
    if (this.#warning.signal.aborted) return;
    this.#warning.abort();
    this.#timer.cancel();
    this.#timer = this.#clock.after(WARNING_LEAD_MS, () => this.#over.abort());
  }

  /** The worker stops. Its end is no failure of the set. */
  stop(): void {
    this.#isStopped = true;
    this.warn();
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The set has ended. */
  end(): void {
    this.#warning.abort();
    this.#timer.cancel();
  }

  /** Rejects when the time is over: an `aggregate` that never ends must not block one of the few sets under way. */
  limit<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.#over;
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aggregate took too long')), { once: true });
    });
    return Promise.race([work, late]);
  }
}

const toGroupedTask = ({ id, type, payload, headers, meta }: TaskRecord): GroupedTask => ({
  id: plainTaskId(id, meta.business ?? null),
  type,
  payload: plainBytes(payload),
  headers,
});

/** The set cannot be aggregated as it is. Other errors are the broker's. */
class SetFailure extends Error {
  override readonly name = 'SetFailure';
}

/** Another task has the unique lock of the new one. */
class DuplicateTask extends Error {
  override readonly name = 'DuplicateTask';
}

/** What became of a set whose new task was not stored. */
const notStored = (code: FinishedSet['code']): Error =>
  new (code === 'duplicate-task' ? DuplicateTask : SetFailure)(`the new task was not stored: ${code}`);

async function makeTaskOfGroup(group: AggregatedGroup, { aggregate, prepare }: SetDeps): Promise<NewTask> {
  const made = await aggregate(group);
  if (typeof made !== 'object' || made === null) {
    throw invalidValue('the value that aggregate returned', made, 'a task, with its type under `task`');
  }
  // The new task stays in the queue of the set, as in Asynq.
  const { queue: _, ...task } = checkTaskToEnqueue(made);
  return { ...(await prepare(task.task, task.payload, task)), queue: group.queue };
}

/** Reads the set's tasks, has one task made of them, and stores it in their place. */
async function finishSet(
  set: AggregationSet,
  time: SetTime,
  deps: SetDeps,
): Promise<FinishedSet & { id?: string }> {
  const { groups } = deps.broker;
  const content = await groups.read(set);
  if (content === null) return { code: 'set-lost' };
  const { queue, group } = set;
  if (content.unreadable.length > 0) reportQuarantined(deps.runtime, queue, content.unreadable);
  if (content.tasks.length === 0) return groups.finish(set, content, null);
  const tasks = content.tasks.map(toGroupedTask);
  const prepared = await time
    .limit(makeTaskOfGroup({ queue, group, tasks, signal: time.warning }, deps))
    .catch((cause: unknown) => {
      throw new SetFailure('aggregate failed', { cause });
    });
  return { ...(await groups.finish(set, content, prepared)), id: prepared.id };
}

/** Tells the broker of a set that was not aggregated, and the log. A stop of the worker, a duplicate, and errors of the broker do not count. */
async function failSet(
  set: AggregationSet,
  error: unknown,
  { time, deps, failures }: SetContext,
): Promise<void> {
  const { queue, group } = set;
  const { events, log, clock } = deps.runtime;
  const counts = error instanceof SetFailure && !time.isStopped;
  const isDuplicate = error instanceof DuplicateTask;
  const cause = error instanceof SetFailure ? (error.cause ?? error) : error;
  const text = errorTextOf(cause);
  const failed = await deps.broker.groups
    .fail(set, counts ? text : null, isDuplicate && !time.isStopped ? DUPLICATE_PAUSE_MS : 0)
    // Its tasks go back when its time is over.
    .catch(() => null);
  events.emit('group.failed', { queue, group, error: cause });
  if (time.isStopped) return;
  const untold = failures.next(`${queue} ${text}`, clock.monotonicMs());
  if (untold === null) return;
  const fields = { queue, group, err: cause, tasks: set.size, ...failed, ...(untold > 0 && { untold }) };
  if (failed?.code === 'archived')
    log.error(fields, 'a task of a group cannot be aggregated; it was archived');
  else log.error(fields, 'a group was not aggregated; its tasks go back to the group');
}

/** Has one task made of a set, and reports how that went. Never rejects. */
async function aggregateSet(set: AggregationSet, context: SetContext): Promise<void> {
  const { time, deps } = context;
  const { queue, group, size } = set;
  try {
    const { id = '', code } = await finishSet(set, time, deps);
    if (code === 'created') deps.runtime.events.emit('group.aggregated', { queue, group, id, tasks: size });
    else if (code !== 'removed') throw notStored(code);
  } catch (error) {
    await failSet(set, error, context);
  }
}

/** The sets under way, each with its own time. */
export class SetsUnderWay {
  readonly #deps: SetDeps;
  readonly #failures = new RepeatedFailures();
  readonly #onEnded: () => void;
  readonly #running = new Map<SetTime, Promise<void>>();

  /** @param onEnded called when a set has ended */
  constructor(deps: SetDeps, onEnded: () => void) {
    this.#deps = deps;
    this.#onEnded = onEnded;
  }

  get size(): number {
    return this.#running.size;
  }

  begin(set: AggregationSet): void {
    const time = new SetTime(this.#deps.runtime.clock);
    const context = { time, deps: this.#deps, failures: this.#failures };
    const ended = aggregateSet(set, context).finally(() => {
      time.end();
      this.#running.delete(time);
      this.#onEnded();
    });
    this.#running.set(time, ended);
  }

  /** Resolves when the sets that are under way now have ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Aborts their signals: they have 5 s left. */
  abort(): void {
    for (const time of this.#running.keys()) time.stop();
  }
}
