// Running, archiving and removing stored tasks, one by its ID or many by their state; replacing a payload; dropping a queue.
// Runs in the writer thread; its calls come from main/facets/control.ts.
import type { TaskAction } from '../../../../broker/control.ts';
import { plain, type Packet } from '../../packing.ts';
import type { QueueEntry } from '../queue-registry.ts';
import {
  ACTIVE,
  AGGREGATING,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  PENDING,
  SCHEDULED,
  IN_SET,
  type StateNumber,
} from '../../states.ts';
import type { Now, Store } from '../store.ts';
import type { ControlReply, RefCall } from './control.ts';
import { createLocks } from '../tables/locks.ts';
import { INLINE_BYTES } from './submit.ts';

export interface ChangeCall extends RefCall {
  readonly action: TaskAction;
}

export interface ChangeManyCall {
  readonly queue: string;
  readonly action: TaskAction;
  readonly state: StateNumber;
  /** With the state aggregating: only tasks of this group; null = of all groups. */
  readonly group: string | null;
  readonly limit: number;
}

/** A task to change, and its state before. */
interface FoundTask {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly state: StateNumber;
}

/** States in which an action is refused. */
const REFUSED_STATES: Readonly<Record<TaskAction, readonly StateNumber[]>> = {
  run: [ACTIVE, PENDING, IN_SET],
  archive: [ACTIVE, ARCHIVED, IN_SET],
  remove: [ACTIVE, IN_SET],
};
/** The task's state after an action; null = it is removed. */
const STATE_AFTER: Readonly<Record<TaskAction, StateNumber | null>> = {
  run: PENDING,
  archive: ARCHIVED,
  remove: null,
};

/** The stored states that a caller means by `state`. */
function statesOf({ state, action, group }: ChangeManyCall): readonly StateNumber[] {
  if (state === COMPLETED) return [COMPLETED, CANCELLED];
  // To remove all groups is to empty the queue. It removes tasks in aggregation sets, too.
  return state === AGGREGATING && action === 'remove' && group === null ? [AGGREGATING, IN_SET] : [state];
}

/** Makes the function that changes one task. Its caller has checked that the task's state allows the action. */
function createChanger({ database, queues, sequence }: Store) {
  const run = database.prepare(
    'UPDATE task SET state = 1, at = ?, pending_since_ms = ?, finished_ms = NULL, cancel = NULL WHERE seq = ?',
  );
  const archive = database.prepare(
    'UPDATE task SET state = 6, at = ?1, finished_ms = ?1, cancel = NULL WHERE seq = ?2',
  );
  const removal = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );
  const locks = createLocks(database);

  return ({ entry, seq, state }: FoundTask, action: TaskAction, nowMs: number): void => {
    if (action === 'run') run.run(sequence.next(), nowMs, seq);
    else if (action === 'archive') archive.run(nowMs, seq);
    else {
      locks.release(seq);
      for (const statement of removal) statement.run(seq);
    }
    queues.recordMove(entry, { from: state, to: STATE_AFTER[action], count: 1 });
  };
}

/** Replacing payloads. A payload may change between inline and `body` with its size. */
function createPayloadHandlers({ database, queues }: Store) {
  const findTask = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const update = database.prepare('UPDATE task SET payload = ?, size = ? WHERE seq = ?');
  const clearBody = database.prepare('UPDATE body SET payload = NULL WHERE seq = ?');
  const writeBody = database.prepare(`
    INSERT INTO body (seq, payload) VALUES (?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload`);

  return {
    /** Replaces the payload of a scheduled task. */
    updatePayload({ data, bytes: [payload = null] }: Packet<RefCall>): Packet<ControlReply> {
      const entry = queues.find(data.queue);
      const [seq, found = null] = (entry && findTask.get(entry.number, data.id)) ?? [];
      const state = found as StateNumber | null;
      if (state !== SCHEDULED) return plain({ done: false, state });
      const size = payload?.length ?? 0;
      update.run(size > INLINE_BYTES ? null : payload, size, Number(seq));
      if (size > INLINE_BYTES) writeBody.run(Number(seq), payload);
      else clearBody.run(Number(seq));
      return plain({ done: true, state });
    },
  };
}

function createDropHandlers({ database, queues }: Store) {
  const removeCounters = database.prepare('DELETE FROM counter WHERE queue = ?');
  return {
    /** Forgets a queue without tasks. False = it has tasks. */
    dropQueue({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry) return plain(true);
      if (entry.counts.some((count) => count > 0)) return plain(false);
      removeCounters.run(entry.number);
      queues.forget(entry);
      return plain(true);
    },
  };
}

export function createChangeHandlers(store: Store) {
  const { database, queues } = store;
  const change = createChanger(store);
  const findTask = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const firstOfState = database.prepare(
    'SELECT seq FROM task WHERE queue = ? AND state = ? ORDER BY at, seq LIMIT ?',
  );
  const firstOfGroup = database.prepare(
    'SELECT seq FROM task WHERE queue = ? AND state = 7 AND in_group = ? ORDER BY at, seq LIMIT ?',
  );
  const hasGroup = database.prepare(
    'SELECT 1 FROM task WHERE queue = ? AND state = 7 AND in_group = ? LIMIT 1',
  );

  /** The first `limit` tasks of the group or, without one, of the state. */
  function firstTasks(entry: QueueEntry, state: StateNumber, { group, limit }: ChangeManyCall): FoundTask[] {
    const rows =
      group === null
        ? firstOfState.all(entry.number, state, limit)
        : firstOfGroup.all(entry.number, group, limit);
    return rows.map(([seq]) => ({ entry, seq: Number(seq), state }));
  }

  return {
    ...createPayloadHandlers(store),
    ...createDropHandlers(store),

    /** Runs, archives or removes one task. */
    change({ data }: Packet<ChangeCall>, { wallMs }: Now): Packet<ControlReply> {
      const entry = queues.find(data.queue);
      const row = entry && findTask.get(entry.number, data.id);
      if (!entry || !row) return plain({ done: false, state: null });
      const [seq, found] = row;
      const state = found as StateNumber;
      if (REFUSED_STATES[data.action].includes(state)) return plain({ done: false, state });
      change({ entry, seq: Number(seq), state }, data.action, wallMs);
      return plain({ done: true, state });
    },

    /** Changes the first tasks of a state. `more`: tasks are left in it. */
    changeMany(
      { data }: Packet<ChangeManyCall>,
      { wallMs }: Now,
    ): Packet<{ readonly handled: number; readonly more: boolean }> {
      const entry = queues.find(data.queue);
      if (!entry) return plain({ handled: 0, more: false });
      const states = statesOf(data);
      const tasks = states.flatMap((state) => firstTasks(entry, state, data)).slice(0, data.limit);
      for (const task of tasks) change(task, data.action, wallMs);
      const more =
        data.state === AGGREGATING && data.group !== null
          ? hasGroup.get(entry.number, data.group) !== undefined
          : states.some((state) => (entry.counts[state] ?? 0) > 0);
      return plain({ handled: tasks.length, more });
    },
  };
}
