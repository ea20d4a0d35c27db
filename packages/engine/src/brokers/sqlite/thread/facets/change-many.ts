// Running, archiving and removing stored tasks, one by its ID or many by their state; replacing a payload; dropping a queue.
// Runs in the writer thread; its calls come from main/facets/control.ts.
import type { TaskAction } from '../../../../broker/control.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { plain, type Packet } from '../../packing.ts';
import {
  ACTIVE,
  AGGREGATING,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  IN_SET,
  PENDING,
  SCHEDULED,
  type StateNumber,
} from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import type { StoredTask } from '../mover.ts';
import type { ControlAnswer } from './control.ts';
import { OF_GROUP } from './groups.ts';

/** Asks for one step of a bulk change. */
export interface ChangeManyRequest {
  readonly queue: string;
  readonly action: TaskAction;
  /** The state whose tasks are changed. */
  readonly state: StateNumber;
  /** With the state aggregating: only tasks of this group; null = of all groups. */
  readonly group: string | null;
  /** Most tasks to change, 1 to `MAX_BATCH`. */
  readonly limit: number;
}

/** States in which an action is refused. */
const REFUSED_STATES: Readonly<Record<TaskAction, readonly StateNumber[]>> = {
  run: [ACTIVE, PENDING, IN_SET],
  archive: [ACTIVE, ARCHIVED, IN_SET],
  remove: [ACTIVE, IN_SET],
};

/** The stored states that a caller means by `state`. */
function statesOf({ state, action, group }: ChangeManyRequest): readonly StateNumber[] {
  if (state === COMPLETED) return [COMPLETED, CANCELLED];
  // To remove all groups is to empty the queue. It removes tasks in aggregation sets, too.
  return state === AGGREGATING && action === 'remove' && group === null ? [AGGREGATING, IN_SET] : [state];
}

/** Makes the function that changes tasks. Its caller has checked that the tasks' states allow the action. */
function createChanger({ tasks, sequence, afterFinish }: Store) {
  return (found: readonly StoredTask[], action: TaskAction, nowMs: number): void => {
    // A task that is run has not ended: nothing follows.
    if (action === 'run') {
      for (const task of found) tasks.run({ ...task, order: sequence.next(), nowMs });
      return;
    }
    for (const task of found) {
      if (action === 'archive') tasks.archive({ ...task, nowMs });
      else tasks.remove(task);
    }
    const state = action === 'archive' ? ARCHIVED : null;
    afterFinish(
      found.map(({ entry, seq }) => ({ entry, seq, state, mayHaveLock: true, attempt: null })),
      nowMs,
    );
  };
}

/** Makes the functions that find the first tasks to change. */
function createTaskFinder({ database }: Store) {
  const firstOfState = database.named<{ queue: number; state: number; limit: number }, { seq: number }>(
    'SELECT seq FROM task WHERE queue = :queue AND state = :state ORDER BY at, seq LIMIT :limit',
  );
  const firstOfGroup = database.named<{ queue: number; group: string; limit: number }, { seq: number }>(
    `SELECT seq FROM ${OF_GROUP} ORDER BY at, seq LIMIT :limit`,
  );
  const anyOfGroup = database.named<{ queue: number; group: string }, object>(
    `SELECT 1 FROM ${OF_GROUP} LIMIT 1`,
  );
  return {
    /** The first `limit` tasks of the group or, without one, of the state. */
    firstTasks(entry: QueueEntry, state: StateNumber, { group, limit }: ChangeManyRequest): StoredTask[] {
      const queue = entry.number;
      const rows =
        group === null
          ? firstOfState.all({ queue, state, limit })
          : firstOfGroup.all({ queue, group, limit });
      return rows.map(({ seq }) => ({ entry, seq, state }));
    },
    /** Whether a task waits in the group. */
    hasGroup: (entry: QueueEntry, group: string): boolean =>
      anyOfGroup.get({ queue: entry.number, group }) !== undefined,
  };
}

/** Changes that do not move tasks from state to state. */
function createOtherHandlers({ queues, tasks, counters }: Store) {
  return {
    /** Replaces the payload of a scheduled task. */
    updatePayload({ data, bytes: [payload = null] }: Packet<TaskRef>): Packet<ControlAnswer> {
      const task = tasks.find(data);
      if (task?.state !== SCHEDULED) return plain({ done: false, state: task?.state ?? null });
      tasks.replacePayload(task, payload);
      return plain({ done: true, state: SCHEDULED });
    },

    /** Forgets a queue without tasks and schedules. False = it has some. */
    dropQueue({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry) return plain(true);
      if (entry.schedules > 0 || entry.counts.some((stored) => stored > 0)) return plain(false);
      counters.remove(entry.number);
      queues.forget(entry);
      return plain(true);
    },
  };
}

/** One call is one step: it changes at most its limit, and its caller goes on while there are more. */
export function createChangeHandlers(store: Store) {
  const { queues, tasks } = store;
  const change = createChanger(store);
  const { firstTasks, hasGroup } = createTaskFinder(store);

  return {
    ...createOtherHandlers(store),

    /** Runs, archives or removes one task. */
    change(
      { data }: Packet<TaskRef & { readonly action: TaskAction }>,
      { wallMs }: Now,
    ): Packet<ControlAnswer> {
      const task = tasks.find(data);
      if (!task) return plain({ done: false, state: null });
      const { state } = task;
      if (REFUSED_STATES[data.action].includes(state)) return plain({ done: false, state });
      change([task], data.action, wallMs);
      return plain({ done: true, state });
    },

    /** Changes the first tasks of a state. `more`: tasks are left in it. */
    changeMany(
      { data }: Packet<ChangeManyRequest>,
      { wallMs }: Now,
    ): Packet<{ readonly handled: number; readonly more: boolean }> {
      const entry = queues.find(data.queue);
      if (!entry) return plain({ handled: 0, more: false });
      const states = statesOf(data);
      const found = states.flatMap((state) => firstTasks(entry, state, data)).slice(0, data.limit);
      change(found, data.action, wallMs);
      const more =
        data.state === AGGREGATING && data.group !== null
          ? hasGroup(entry, data.group)
          : states.some((state) => (entry.counts[state] ?? 0) > 0);
      return plain({ handled: found.length, more });
    },
  };
}
