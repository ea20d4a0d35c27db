// Pausing queues and cancelling tasks. Runs in the writer thread; its calls come from main/facets/control.ts. The other
// changes to stored tasks are in change-many.ts.
import { MIN_CANCELLED_MS, type Cancellation } from '../../../../broker/control.ts';
import { plain, type Packet } from '../../packing.ts';
import { CANCELLED, PENDING, RETRY, SCHEDULED, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createLocks } from '../tables/locks.ts';

export interface PauseCall {
  readonly queue: string;
  readonly reason: string | null;
}

export interface RefCall {
  readonly queue: string;
  readonly id: string;
}

export interface ControlReply {
  /** False = the task's state does not allow the change, or there is no such task. */
  readonly done: boolean;
  /** The task's state before the call; null = there is no such task. */
  readonly state: StateNumber | null;
}

/** A task and its state. */
interface FoundTask {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly state: StateNumber;
}

/** States of tasks that wait. An active task is asked to stop by a signal instead. */
const CANCELLABLE: readonly StateNumber[] = [SCHEDULED, PENDING, RETRY];

function createPauseHandlers({ database, queues }: Store) {
  const setPause = database.prepare('UPDATE queue SET paused_ms = ?, pause_reason = ? WHERE no = ?');

  return {
    /** False = it was already paused; the reason is replaced. */
    pause({ data }: Packet<PauseCall>, { wallMs }: Now): Packet<boolean> {
      const entry = queues.ensure(data.queue, false);
      const wasPaused = entry.paused;
      setPause.run(wallMs, data.reason, entry.number);
      queues.recordPause(entry, true);
      return plain(!wasPaused);
    },

    /** False = it was not paused. */
    resume({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry?.paused) return plain(false);
      setPause.run(null, null, entry.number);
      queues.recordPause(entry, false);
      return plain(true);
    },
  };
}

export function createControlHandlers(store: Store) {
  const { database, queues } = store;
  const findTask = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const cancel =
    database.prepare(`UPDATE task SET state = 5, at = ?1 + max(retention_ms, ${MIN_CANCELLED_MS}),
    finished_ms = ?1, cancel = ?2 WHERE seq = ?3`);
  const locks = createLocks(database);

  function find({ queue, id }: RefCall): FoundTask | null {
    const entry = queues.find(queue);
    const row = entry && findTask.get(entry.number, id);
    return row ? { entry, seq: Number(row[0]), state: row[1] as StateNumber } : null;
  }

  return {
    ...createPauseHandlers(store),

    /** Cancels a task that waits. It is kept for its retention, but at least for `MIN_CANCELLED_MS`. */
    cancel(
      { data }: Packet<RefCall & { readonly cancellation: Cancellation }>,
      { wallMs }: Now,
    ): Packet<ControlReply> {
      const task = find(data);
      if (!task || !CANCELLABLE.includes(task.state))
        return plain({ done: false, state: task?.state ?? null });
      locks.release(task.seq);
      cancel.run(wallMs, JSON.stringify({ ...data.cancellation, atMs: wallMs }), task.seq);
      queues.recordMove(task.entry, { from: task.state, to: CANCELLED, count: 1 });
      return plain({ done: true, state: task.state });
    },
  };
}
