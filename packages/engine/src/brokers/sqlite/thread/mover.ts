// Prepares the statements that change the states of tasks, for tasks.ts and cancel-moves.ts. Runs in the writer thread.
import { ACTIVE, type StateNumber } from '../states.ts';
import type { AwaitedTasks } from './awaited-tasks.ts';
import type { Database } from './database.ts';
import type { SqlValue } from './driver/driver.ts';
import type { QueueEntry, QueueRegistry } from './queue-registry.ts';

/** A task of a queue; `seq` is the number of its row. */
export interface StoredTask {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly state: StateNumber;
}

/** An active task as its worker names it. */
export interface LeasedRef {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly token: number;
}

/** A change of state, which writes `Values`. */
type Move<Values> = (task: StoredTask & Values) => void;

/** The same by the task's worker. False = the lease was lost, and nothing was written. */
type LeasedMove<Values> = (task: LeasedRef & Values) => boolean;

export interface MoverDeps {
  readonly database: Database;
  readonly queues: QueueRegistry;
  readonly awaited: AwaitedTasks;
}

/**
 * Makes the functions that prepare a change of state. `columns` are written with the state. What `at` means depends on the
 * state: the order of pending tasks, else a time (docs/design/data-model.md#sqlite).
 */
export function createMover({ database, queues, awaited }: MoverDeps) {
  const update = (to: StateNumber, columns: string) => `UPDATE task SET state = ${to}, ${columns}`;
  return {
    /** For a task that does not run, or whose worker is lost. */
    move<Values>(to: StateNumber, columns: string): Move<Values> {
      const statement = database.named<StoredTask & Values>(`${update(to, columns)} WHERE seq = :seq`);
      return (task) => {
        statement.run(task);
        queues.recordMove(task.entry, { from: task.state, to, count: 1 });
        awaited.recordMove(task.seq, to);
      };
    },
    /** For a task that its worker ends or gives back. `valuesOf`: the parameters of `columns`, from `?3` on. */
    moveLeased<Values>(
      to: StateNumber,
      columns: string,
      valuesOf: (values: Values) => SqlValue[],
    ): LeasedMove<Values> {
      const statement = database.prepare(
        `${update(to, columns)} WHERE seq = ?1 AND state = ${ACTIVE} AND token = ?2`,
      );
      return (task) => {
        if (statement.run(task.seq, task.token, ...valuesOf(task)) === 0) return false;
        queues.recordMove(task.entry, { from: ACTIVE, to, count: 1 });
        awaited.recordMove(task.seq, to);
        return true;
      };
    },
  };
}
