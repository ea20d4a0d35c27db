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
import { durationMs, type Duration } from '../../task/duration.ts';
import { plainTaskId } from '../../task/task-id.ts';

/** A task of a group. */
export interface GroupedTask {
  readonly id: string;
  readonly type: string;
  /** Null = none. */
  readonly payload: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Tasks that become one. */
export interface AggregatedGroup {
  readonly queue: string;
  readonly group: string;
  /** 1 to 1,000, in the order in which they joined. */
  readonly tasks: readonly GroupedTask[];
  /** Aborts when the time for it is over, about two minutes, or the worker stops. */
  readonly signal: AbortSignal;
}

/** How tasks that wait in groups become one. */
export interface AggregationOptions {
  /**
   * Makes one task of the tasks of a group; it is stored in their queue, and they are removed in the same step. When it
   * throws, takes longer than two minutes, or the task is refused, the tasks go back to their group two minutes after
   * they were taken: it may see them again. The new task's own `queue` and `durability` are not heeded.
   */
  readonly aggregate: (group: AggregatedGroup) => TaskToEnqueue | Promise<TaskToEnqueue>;
  /** A group is ready when it had no new task for so long, at least 1 s. Default 60 s, as in Asynq. */
  readonly gracePeriod?: Duration;
  /** It is also ready when its oldest task has waited for so long. Default: no such rule. */
  readonly maxDelay?: Duration;
  /** It is also ready when it has so many tasks, 1 to 1,000, and no more go together. Default: no such rule. */
  readonly maxSize?: number;
}

export interface AggregatorDeps {
  readonly broker: Pick<Broker, 'groups'>;
  readonly runtime: Runtime;
  readonly prepare: PrepareTask;
  /** Stored queues to look at; asked anew at each step. */
  queues(): readonly string[];
}

/** Takes ripe groups and has their tasks made into one. */
export interface Aggregator {
  start(): void;
  /** Begins nothing more; resolves when all that it has begun is over. */
  stop(): Promise<void>;
  /** Aborts what is under way. */
  abort(): void;
}

/** As in Asynq (protocol 4.1, 4.12). */
const EVERY_MS = 7_000;
const MAX_CONCURRENT = 3;
const MIN_GRACE_MS = 1_000;
const GRACE: Duration = '60s';
/** Whoever aggregates must have handed in the task when the set's time is over. */
const HAND_IN_MS = 5_000;

function rulesOf({ gracePeriod = GRACE, maxDelay = '0s', maxSize = 0 }: AggregationOptions): GroupRules {
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

const shownTask = ({ id, type, payload, headers, meta }: TaskRecord): GroupedTask => ({
  id: plainTaskId(id, meta.business ?? null),
  type,
  payload,
  headers,
});

/** How long whoever aggregates has. */
interface Time {
  /** It is nearly over: what the handler hears. */
  readonly signal: AbortSignal;
  /** Nobody waits any more. */
  readonly over: AbortSignal;
}

/** Rejects when the time is over: what never ends must not keep its place. */
function inTime<T>(work: Promise<T> | T, over: AbortSignal): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    over.addEventListener('abort', () => reject(new Error('it took too long')), { once: true });
  });
  return Promise.race([work, late]);
}

/** Has a set made into a task, and tells how that went; never rejects. */
function createEnder(options: AggregationOptions, { runtime, prepare, broker: { groups } }: AggregatorDeps) {
  const { events, log } = runtime;

  async function made(group: AggregatedGroup): Promise<NewTask> {
    const given = await options.aggregate(group);
    if (typeof given !== 'object' || given === null) {
      const expected = 'a task, with its type under `task`';
      throw new TaskCenterError('invalid-value', {
        name: 'what aggregate returns',
        got: shown(given),
        expected,
      });
    }
    // The tasks belong to this queue, whatever else the new one is to be (protocol 4.12).
    const { queue: _, ...task } = given;
    return { ...(await prepare(task.task, task.payload, task)), queue: group.queue };
  }

  async function finish(set: AggregationSet, { signal, over }: Time): Promise<FinishedSet & { id?: string }> {
    const content = await groups.read(set);
    if (content === null) return { code: 'set-lost' };
    const { unreadable } = content;
    if (unreadable.length > 0) {
      log.error({ queue: set.queue, task_ids: unreadable }, 'tasks that nobody can read were set aside');
      events.emit('tasks.quarantined', { queue: set.queue, ids: unreadable });
    }
    if (content.tasks.length === 0) return groups.finish(set, content, null);
    const { queue, group } = set;
    const tasks = content.tasks.map(shownTask);
    const prepared = await inTime(made({ queue, group, tasks, signal }), over);
    return { ...(await groups.finish(set, content, prepared)), id: prepared.id };
  }

  return async (set: AggregationSet, time: Time): Promise<void> => {
    const { queue, group, size } = set;
    try {
      const { id = '', ...outcome } = await finish(set, time);
      if (outcome.code === 'created')
        return events.emit('group.aggregated', { queue, group, id, tasks: size });
      if (outcome.code === 'removed') return;
      throw new Error(`the task was not stored: ${outcome.code}`);
    } catch (error) {
      log.error({ queue, group, err: error }, 'a group was not aggregated; its tasks go back to it');
      events.emit('group.failed', { queue, group, error });
    }
  };
}

interface WorkParts {
  readonly clock: Clock;
  onEnded(): void;
}

/** The sets under way, each with its time. */
function createWork(
  aggregate: (set: AggregationSet, time: Time) => Promise<void>,
  { clock, onEnded }: WorkParts,
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
  const rules = rulesOf(options);
  let lastServed: string | null = null;
  const work = createWork(createEnder(options, deps), { clock, onEnded: () => loop.wake() });

  /** The queue served last comes last, so that a busy one keeps no other waiting. */
  function inTurn(): string[] {
    const names = queues();
    const from = lastServed === null ? 0 : names.indexOf(lastServed) + 1;
    return [...names.slice(from), ...names.slice(0, from)];
  }

  const loop = createLoop({
    name: 'aggregator',
    runtime,
    async step(signal) {
      const failures: unknown[] = [];
      for (const queue of inTurn()) {
        const room = MAX_CONCURRENT - work.underWay();
        if (room <= 0 || signal.aborted) break;
        try {
          const sets = await groups.take(queue, rules, room);
          if (sets.length > 0) lastServed = queue;
          sets.forEach((set) => work.begin(set));
        } catch (error) {
          // The other queues must not wait for this one.
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
      await work.ended();
    },
    abort: () => work.abort(),
  };
}
