// Storing new tasks. Runs in the writer thread; its calls come from main/facets/submit.ts.
import { plain, type Bytes, type Packet } from '../../packing.ts';
import { NEW_TASK, type NewTaskItem, type Row } from '../../rows.ts';
import { AGGREGATING, PENDING, SCHEDULED, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';

/** Asks to store tasks. Their payloads are the packet's bytes, one item per row. */
export interface EnqueueRequest {
  /** Queues that `rows` name by index. */
  readonly queues: readonly string[];
  readonly rows: readonly Row<NewTaskItem>[];
}

export interface EnqueueAnswer {
  readonly nowMs: number;
  /** One per task: a code below, or any other number: when the scheduled task is due, wall-clock ms. */
  readonly results: readonly number[];
  /** ID of the task that holds the lock, one for each `LOCK_HELD`, in their order. */
  readonly holders: readonly string[];
}

/** Not stored: the queue has a task with this ID. */
export const ID_TAKEN = 0;
export const STORED_PENDING = 1;
export const STORED_IN_GROUP = 2;
/** Not stored: another task holds its unique lock. */
export const LOCK_HELD = 3;

/** State of a stored task by its result; a due time, which is not listed, means scheduled. */
const STATE_BY_RESULT: Readonly<Record<number, StateNumber>> = {
  [STORED_PENDING]: PENDING,
  [STORED_IN_GROUP]: AGGREGATING,
};

/** What it takes to store a task besides its row. */
interface StoreContext {
  readonly entry: QueueEntry;
  readonly payload: Bytes;
  readonly nowMs: number;
}

/** The outcome for one task, as in `EnqueueAnswer`. `holder` is set only with `LOCK_HELD`. */
interface StoreOutcome {
  readonly result: number;
  readonly holder: string | null;
  /** The task's row; 0 = it was not stored. */
  readonly seq: number;
}

const TAKEN: StoreOutcome = { result: ID_TAKEN, holder: null, seq: 0 };

/** Makes the function that stores one task. Groups use it, too, for the task made of an aggregation set. */
export function createTaskStorer({ tasks, database, sequence, locks }: Store) {
  const findId = database.prepare('SELECT 1 FROM task WHERE queue = ? AND id = ?');

  /** Null = the lock is acquired. Checks the ID first: otherwise a task whose ID is taken would leave its lock behind. */
  function acquireLock(
    { key, id, untilMs }: { key: string; id: string; untilMs: number },
    { entry, nowMs }: StoreContext,
  ): StoreOutcome | null {
    if (findId.get(entry.number, id)) return TAKEN;
    const holder = locks.acquire({ key, id, untilMs }, nowMs);
    return holder === null ? null : { result: LOCK_HELD, holder, seq: 0 };
  }

  return (task: NewTaskItem, context: StoreContext): StoreOutcome => {
    const { entry, payload, nowMs } = context;
    const { id, uniqueKey, delayMs, runAtMs } = task;
    const dueMs = Math.ceil(Math.max(delayMs > 0 ? nowMs + delayMs : 0, runAtMs));
    if (uniqueKey !== null) {
      const untilMs = Math.max(dueMs, nowMs) + task.uniqueMs;
      const refusal = acquireLock({ key: uniqueKey, id, untilMs }, context);
      if (refusal) return refusal;
    }
    const result = dueMs > nowMs ? dueMs : task.inGroup === null ? STORED_PENDING : STORED_IN_GROUP;
    const seq = sequence.next();
    const isAdded = tasks.add({
      entry,
      task,
      payload,
      seq,
      state: STATE_BY_RESULT[result] ?? SCHEDULED,
      // The order of pending tasks, when a task joined its group, or its due time.
      at: result === STORED_PENDING ? seq : result === STORED_IN_GROUP ? nowMs : result,
      pendingSinceMs: result === STORED_PENDING ? nowMs : null,
    });
    return isAdded ? { result, holder: null, seq } : TAKEN;
  };
}

export function createSubmitHandlers(store: Store) {
  const { queues } = store;
  const storeTask = createTaskStorer(store);

  return {
    /** Stores each task that can be stored; the others do not prevent it. */
    enqueue({ data, bytes }: Packet<EnqueueRequest>, { wallMs: nowMs }: Now): Packet<EnqueueAnswer> {
      const entries = data.queues.map((name) => queues.ensure(name, true));
      const holders: string[] = [];
      const results = data.rows.map((row, index) => {
        const task = NEW_TASK.fromRow(row);
        const entry = entries[task.queue]!;
        const { result, holder } = storeTask(task, { entry, payload: bytes[index] ?? null, nowMs });
        if (holder !== null) holders.push(holder);
        return result;
      });
      return plain({ nowMs, results, holders });
    },
  };
}
