import { plainTaskId, type Duration } from '@task-center/model';
import type { Broker } from '../../broker/broker.ts';
import {
  MAX_SET_TASKS,
  SET_MS,
  type AggregationSet,
  type FinishedSet,
  type GroupRules,
} from '../../broker/groups.ts';
import type { TaskRecord } from '../../broker/inspect.ts';
import type { NewTask } from '../../broker/submit.ts';
import type { PrepareTask, TaskToEnqueue } from '../../client/prepare-task.ts';
import { shown, TaskCenterError } from '../../errors/task-center-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { durationMs } from '../../task/checked.ts';

/** A task of a group, as `aggregate` gets it. */
export interface GroupedTask {
  /** The ID that was submitted. */
  readonly id: string;
  readonly type: string;
  /** Null = none. */
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Tasks of a group that become one task. */
export interface AggregatedGroup {
  readonly queue: string;
  readonly group: string;
  /** 1 to 1,000, in the order in which they joined. */
  readonly tasks: readonly GroupedTask[];
  /** Aborts when the time for it is nearly over, after about two minutes, or when the worker stops. */
  readonly signal: AbortSignal;
}

/** How and when the tasks of a group become one task. */
export interface AggregationOptions {
  /**
   * Makes one task of the tasks of a group. It is stored in their queue, and they are removed in the same step. If this
   * throws or takes longer than two minutes, or if the new task is refused, the tasks go back to their group two minutes
   * after they were taken. They may then be aggregated again. `queue` and `durability` of the new task are ignored.
   */
  readonly aggregate: (group: AggregatedGroup) => TaskToEnqueue | Promise<TaskToEnqueue>;
  /** A group is ready when it had no new task for this time, at least 1 s. Default 60 s, as in Asynq. */
  readonly gracePeriod?: Duration;
  /** A group is also ready when its oldest task has waited for this time. Default: no such rule. */
  readonly maxDelay?: Duration;
  /** A group is also ready when it has this number of tasks, 1 to 1,000, which also limits a set. Default: no such rule. */
  readonly maxSize?: number;
}

export interface AggregatorDeps {
  readonly broker: Pick<Broker, 'groups'>;
  readonly runtime: Runtime;
  /** Checks a new task and fills in its defaults. */
  readonly prepare: PrepareTask;
  /** Stored queues to look at. Called at each step. */
  queues(): readonly string[];
}

/** Takes the tasks of groups that are ready and has one task made of them. */
export interface Aggregator {
  start(): void;
  /** Takes no more sets. Resolves when those under way have ended. */
  stop(): Promise<void>;
  /** Aborts the signals of the sets under way. */
  abort(): void;
}

/** Longest time between two steps, as in Asynq. A shorter grace period shortens it. */
const EVERY_MS = 7_000;
/** Sets under way at once, as in Asynq. */
const MAX_CONCURRENT = 3;
const MIN_GRACE_MS = 1_000;
const DEFAULT_GRACE: Duration = '60s';
/** The signal aborts this long before the set's time is over: the new task must be stored by then. */
const HAND_IN_MS = 5_000;

/** @throws TaskCenterError `invalid-value` */
function checkRules({
  gracePeriod = DEFAULT_GRACE,
  maxDelay = '0s',
  maxSize = 0,
}: AggregationOptions): GroupRules {
  const graceMs = durationMs(gracePeriod, 'gracePeriod');
  if (graceMs < MIN_GRACE_MS) {
    throw new TaskCenterError('invalid-value', {
      name: 'gracePeriod',
      got: `${graceMs} ms`,
      expected: 'at least 1 s',
    });
  }
  if (!Number.isInteger(maxSize) || maxSize < 0 || maxSize > MAX_SET_TASKS) {
    const expected = `a whole number from 1 to ${MAX_SET_TASKS}, or 0 for no such rule`;
    throw new TaskCenterError('invalid-value', { name: 'maxSize', got: shown(maxSize), expected });
  }
  return { graceMs, maxDelayMs: durationMs(maxDelay, 'maxDelay'), maxSize };
}

const toGroupedTask = ({ id, type, payload, headers, meta }: TaskRecord): GroupedTask => ({
  id: plainTaskId(id, meta.business ?? null),
  type,
  payload,
  headers,
});

/** The time that `aggregate` has for a set. */
interface SetTime {
  /** It is nearly over; `aggregate` gets this signal. */
  readonly signal: AbortSignal;
  /** It is over; the set is given up. */
  readonly over: AbortSignal;
}

/** Rejects when the time is over: an `aggregate` that never ends must not block one of the few sets under way. */
function inTime<T>(work: Promise<T> | T, over: AbortSignal): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    over.addEventListener('abort', () => reject(new Error('aggregate took too long')), { once: true });
  });
  return Promise.race([work, late]);
}

/** Creates the function that has one task made of a set, and reports how that went. It never rejects. */
function createSetAggregator(
  options: AggregationOptions,
  { runtime, prepare, broker: { groups } }: AggregatorDeps,
) {
  const { events, log } = runtime;

  async function makeTask(group: AggregatedGroup): Promise<NewTask> {
    const made = await options.aggregate(group);
    if (typeof made !== 'object' || made === null) {
      const expected = 'a task, with its type under `task`';
      throw new TaskCenterError('invalid-value', {
        name: 'the value that aggregate returned',
        got: shown(made),
        expected,
      });
    }
    // The new task stays in the queue of the set, as in Asynq.
    const { queue: _, ...task } = made;
    return { ...(await prepare(task.task, task.payload, task)), queue: group.queue };
  }

  async function finish(
    set: AggregationSet,
    { signal, over }: SetTime,
  ): Promise<FinishedSet & { id?: string }> {
    const content = await groups.read(set);
    if (content === null) return { code: 'set-lost' };
    const { unreadable } = content;
    if (unreadable.length > 0) {
      log.error({ queue: set.queue, task_ids: unreadable }, 'unreadable tasks were archived');
      events.emit('tasks.quarantined', { queue: set.queue, ids: unreadable });
    }
    if (content.tasks.length === 0) return groups.finish(set, content, null);
    const { queue, group } = set;
    const tasks = content.tasks.map(toGroupedTask);
    const prepared = await inTime(makeTask({ queue, group, tasks, signal }), over);
    return { ...(await groups.finish(set, content, prepared)), id: prepared.id };
  }

  return async (set: AggregationSet, time: SetTime): Promise<void> => {
    const { queue, group, size } = set;
    try {
      const { id = '', ...outcome } = await finish(set, time);
      if (outcome.code === 'created')
        return events.emit('group.aggregated', { queue, group, id, tasks: size });
      if (outcome.code === 'removed') return;
      throw new Error(`the new task was not stored: ${outcome.code}`);
    } catch (error) {
      log.error({ queue, group, err: error }, 'a group was not aggregated; its tasks go back to the group');
      events.emit('group.failed', { queue, group, error });
    }
  };
}

interface SetsUnderWayDeps {
  readonly clock: Clock;
  onEnded(): void;
}

/** The sets under way, each with its own time. */
function createSetsUnderWay(
  aggregate: (set: AggregationSet, time: SetTime) => Promise<void>,
  { clock, onEnded }: SetsUnderWayDeps,
) {
  const running = new Map<AggregationSet, { readonly ended: Promise<void>; abort(): void }>();

  return {
    underWay: () => running.size,
    begin(set: AggregationSet): void {
      const warning = new AbortController();
      const end = new AbortController();
      void clock
        .sleep(SET_MS - HAND_IN_MS, warning.signal)
        .then(() => warning.abort())
        .then(() => clock.sleep(HAND_IN_MS, end.signal))
        .then(() => end.abort());
      const ended = aggregate(set, { signal: warning.signal, over: end.signal }).finally(() => {
        end.abort();
        warning.abort();
        running.delete(set);
        onEnded();
      });
      running.set(set, { ended, abort: () => warning.abort() });
    },
    async ended(): Promise<void> {
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
    abort(): void {
      for (const { abort } of running.values()) abort();
    },
  };
}

/** @throws TaskCenterError `invalid-value` */
export function createAggregator(options: AggregationOptions, deps: AggregatorDeps): Aggregator {
  const { runtime, queues } = deps;
  const { clock } = runtime;
  const { groups } = deps.broker;
  const rules = checkRules(options);
  let lastServed: string | null = null;
  const sets = createSetsUnderWay(createSetAggregator(options, deps), { clock, onEnded: () => loop.wake() });

  /** The queue that was served last comes last. A busy queue then keeps no other waiting. */
  function queuesInTurn(): string[] {
    const names = queues();
    const from = lastServed === null ? 0 : names.indexOf(lastServed) + 1;
    return [...names.slice(from), ...names.slice(0, from)];
  }

  const loop = createLoop({
    name: 'aggregator',
    runtime,
    async step(signal) {
      const failures: unknown[] = [];
      for (const queue of queuesInTurn()) {
        const room = MAX_CONCURRENT - sets.underWay();
        if (room <= 0 || signal.aborted) break;
        try {
          const taken = await groups.take(queue, rules, room);
          if (taken.length > 0) lastServed = queue;
          taken.forEach((set) => sets.begin(set));
        } catch (error) {
          // An error in one queue must not keep the others waiting.
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
      return Math.min(EVERY_MS, rules.graceMs);
    },
  });

  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      await sets.ended();
    },
    abort: () => sets.abort(),
  };
}
