// Pausing queues and cancelling tasks. Runs in the writer thread; its calls come from main/facets/control.ts. The other
// changes to stored tasks are in change-many.ts.
import type { Cancellation } from '../../../../broker/control.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { plain, type Packet } from '../../packing.ts';
import { ACTIVE, CANCELLED, PENDING, RETRY, SCHEDULED, type StateNumber } from '../../states.ts';
import type { Now, Store } from '../store.ts';

/** Asks to pause a queue. A queue that does not exist yet is created. */
export interface PauseRequest {
  readonly queue: string;
  /** Shown to people; null = none. */
  readonly reason: string | null;
}

/** The result of a change to one task. */
export interface ControlAnswer {
  /** False = the task's state does not allow the change, or there is no such task. */
  readonly done: boolean;
  /** The task's state before the call; null = there is no such task. */
  readonly state: StateNumber | null;
}

/** States of tasks that wait. */
const CANCELLABLE: readonly StateNumber[] = [SCHEDULED, PENDING, RETRY];

/** Handlers of the requests that pause and resume queues. */
function createPauseHandlers({ database, queues }: Store) {
  const setPause = database.named<{ queue: number; atMs: number | null; reason: string | null }>(
    'UPDATE queue SET paused_ms = :atMs, pause_reason = :reason WHERE no = :queue',
  );

  return {
    /** False = it was already paused; the reason is replaced. */
    pause({ data }: Packet<PauseRequest>, { wallMs }: Now): Packet<boolean> {
      const entry = queues.ensure(data.queue, false);
      const wasPaused = entry.paused;
      setPause.run({ queue: entry.number, atMs: wallMs, reason: data.reason });
      queues.recordPause(entry, true);
      return plain(!wasPaused);
    },

    /** False = it was not paused. */
    resume({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry?.paused) return plain(false);
      setPause.run({ queue: entry.number, atMs: null, reason: null });
      queues.recordPause(entry, false);
      return plain(true);
    },
  };
}

/** The answer to a cancellation. `requested`: the task runs, and the request is stored. */
export interface CancelAnswer extends ControlAnswer {
  readonly requested?: true;
}

export function createControlHandlers(store: Store) {
  const { tasks, afterFinish } = store;
  return {
    ...createPauseHandlers(store),

    /** Per task: whether somebody has asked to cancel it while it runs. */
    cancelRequested({ data }: Packet<readonly TaskRef[]>): Packet<boolean[]> {
      return plain(data.map((ref) => tasks.isCancelRequested(ref)));
    },

    /** Cancels a task that waits, or stores the request to cancel one that runs. */
    cancel(
      { data }: Packet<TaskRef & { readonly cancellation: Cancellation }>,
      { wallMs: nowMs }: Now,
    ): Packet<CancelAnswer> {
      const task = tasks.find(data);
      const cancellation = { ...data.cancellation, atMs: nowMs };
      if (task?.state === ACTIVE) {
        tasks.requestCancel(task, JSON.stringify({ ...cancellation, wasRunning: true }));
        return plain({ done: false, state: ACTIVE, requested: true });
      }
      if (!task || !CANCELLABLE.includes(task.state))
        return plain({ done: false, state: task?.state ?? null });
      const { entry, seq } = task;
      tasks.cancel({ ...task, cancellation: JSON.stringify(cancellation), nowMs });
      afterFinish([{ entry, seq, state: CANCELLED, mayHaveLock: true, attempt: null }], nowMs);
      return plain({ done: true, state: task.state });
    },
  };
}
