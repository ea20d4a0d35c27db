import { MIN_CANCELLED_MS, type CancelNote } from '../../../../broker/control.ts';
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

/** `state`: where the task was; null = there is none. */
export interface ControlReply {
  readonly done: boolean;
  readonly state: StateNumber | null;
}

interface Found {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly state: StateNumber;
}

const CANCELLABLE: readonly StateNumber[] = [SCHEDULED, PENDING, RETRY];

function pausing({ database, queues }: Store) {
  const set = database.prepare('UPDATE queue SET paused_ms = ?, pause_reason = ? WHERE no = ?');

  return {
    /** False = it was paused already. */
    pause({ data }: Packet<PauseCall>, { wallMs }: Now): Packet<boolean> {
      const entry = queues.ensure(data.queue, false);
      const before = entry.paused;
      set.run(wallMs, data.reason, entry.no);
      queues.recordPause(entry, true);
      return plain(!before);
    },

    /** False = it was not paused. */
    resume({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry?.paused) return plain(false);
      set.run(null, null, entry.no);
      queues.recordPause(entry, false);
      return plain(true);
    },
  };
}

export function controlOperations(store: Store) {
  const { database, queues } = store;
  const look = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const cancel =
    database.prepare(`UPDATE task SET state = 5, at = ?1 + max(retention_ms, ${MIN_CANCELLED_MS}),
    finished_ms = ?1, cancel = ?2 WHERE seq = ?3`);
  const locks = createLocks(database);

  function find({ queue, id }: RefCall): Found | null {
    const entry = queues.find(queue);
    const row = entry && look.get(entry.no, id);
    return row ? { entry, seq: Number(row[0]), state: row[1] as StateNumber } : null;
  }

  return {
    ...pausing(store),

    cancel({ data }: Packet<RefCall & { readonly note: CancelNote }>, { wallMs }: Now): Packet<ControlReply> {
      const task = find(data);
      if (!task || !CANCELLABLE.includes(task.state))
        return plain({ done: false, state: task?.state ?? null });
      locks.release(task.seq);
      cancel.run(wallMs, JSON.stringify({ ...data.note, atMs: wallMs }), task.seq);
      queues.recordMove(task.entry, { from: task.state, to: CANCELLED, count: 1 });
      return plain({ done: true, state: task.state });
    },
  };
}
