// Storing new tasks. Runs in the writer thread; its calls come from main/facets/submit.ts.
import { plain, type Packet } from '../../packing.ts';
import { AGGREGATING, PENDING, SCHEDULED, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createLocks } from '../tables/locks.ts';

/** A task to store. Its payload is the item with the same index in the packet's bytes. */
export type NewRow = readonly [
  queue: number,
  id: string,
  type: string,
  maxRetries: number,
  timeoutMs: number,
  deadlineMs: number,
  retentionMs: number,
  delayMs: number,
  runAtMs: number,
  business: string | null,
  meta: string | null,
  headers: string | null,
  lock: readonly [key: string, lengthMs: number] | null,
  group: string | null,
];

export interface EnqueueCall {
  /** Queues that `rows` name by index. */
  readonly queues: readonly string[];
  readonly rows: readonly NewRow[];
}

export interface EnqueueReply {
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

/** Payloads up to this size, bytes, are in the task's row, which saves a write and a read. Larger ones are in `body`. */
export const INLINE_BYTES = 512;

const INSERT = `
  INSERT INTO task (seq, queue, state, at, max_retries, timeout_ms, deadline_ms, retention_ms, pending_since_ms,
    size, id, type, business, meta, headers, payload, unique_key, in_group)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/** State of a stored task by its result; a due time, which is not listed, means scheduled. */
export const STATE_BY_RESULT: Readonly<Record<number, StateNumber>> = {
  [STORED_PENDING]: PENDING,
  [STORED_IN_GROUP]: AGGREGATING,
};

interface StoreContext {
  readonly entry: QueueEntry;
  readonly payload: Uint8Array | null;
  readonly nowMs: number;
}

/** A task's unique lock and when it may start. */
interface LockRequest {
  readonly id: string;
  readonly lock: NonNullable<NewRow[12]>;
  readonly dueMs: number;
}

/** Makes the function that stores one task. Groups use it, too, for the task made of an aggregation set. */
export function createTaskStorer({ database, sequence }: Store) {
  const insert = database.prepare(INSERT);
  const insertBody = database.prepare('INSERT INTO body (seq, payload) VALUES (?, ?)');
  const findId = database.prepare('SELECT 1 FROM task WHERE queue = ? AND id = ?');
  const locks = createLocks(database);

  /** Acquires the lock. Checks the ID first: otherwise a task whose ID is taken would leave its lock behind. */
  function acquireLock(
    { id, lock: [key, lengthMs], dueMs }: LockRequest,
    { entry, nowMs }: StoreContext,
  ): { isIdTaken: boolean; holder: string | null } {
    if (findId.get(entry.number, id)) return { isIdTaken: true, holder: null };
    const untilMs = Math.max(dueMs, nowMs) + lengthMs;
    return { isIdTaken: false, holder: locks.acquire({ key, id, untilMs }, nowMs) };
  }

  /** Stores a task. Returns its result as `EnqueueReply` has it, with the lock's holder for `LOCK_HELD`. */
  return (row: NewRow, context: StoreContext): readonly [result: number, holder: string | null] => {
    const { entry, payload, nowMs } = context;
    // prettier-ignore
    const [, id, type, maxRetries, timeoutMs, deadlineMs, retentionMs, delayMs, runAtMs, business, meta, headers,
      lock, group] = row;
    const dueMs = Math.ceil(Math.max(delayMs > 0 ? nowMs + delayMs : 0, runAtMs));
    if (lock !== null) {
      const { isIdTaken, holder } = acquireLock({ id, lock, dueMs }, context);
      if (isIdTaken) return [ID_TAKEN, null];
      if (holder !== null) return [LOCK_HELD, holder];
    }
    const result = dueMs > nowMs ? dueMs : group === null ? STORED_PENDING : STORED_IN_GROUP;
    const seq = sequence.next();
    // What `at` means depends on the state: the order of pending tasks, when a task joined its group, or its due time.
    const at = result === STORED_PENDING ? seq : result === STORED_IN_GROUP ? nowMs : result;
    const size = payload?.length ?? 0;
    const inline = size <= INLINE_BYTES ? payload : null;
    // prettier-ignore
    const stored = insert.run(
      seq, entry.number, STATE_BY_RESULT[result] ?? SCHEDULED, at, maxRetries, timeoutMs, deadlineMs, retentionMs,
      result === STORED_PENDING ? nowMs : null, size, id, type, business, meta, headers, inline, lock?.[0] ?? null, group,
    );
    if (stored === 0) return [ID_TAKEN, null];
    if (size > INLINE_BYTES) insertBody.run(seq, payload);
    return [result, null];
  };
}

export function createSubmitHandlers(store: Store) {
  const { queues } = store;
  const storeTask = createTaskStorer(store);

  return {
    /** Stores each task that can be stored; the others do not prevent it. */
    enqueue(call: Packet<EnqueueCall>, { wallMs: nowMs }: Now): Packet<EnqueueReply> {
      const entries = call.data.queues.map((name) => queues.ensure(name, true));
      const holders: string[] = [];
      const results = call.data.rows.map((row, index) => {
        const [queueIndex] = row;
        const entry = entries[queueIndex]!;
        const [result, holder] = storeTask(row, { entry, payload: call.bytes[index] ?? null, nowMs });
        if (holder !== null) holders.push(holder);
        else if (result !== ID_TAKEN)
          queues.recordMove(entry, { from: null, to: STATE_BY_RESULT[result] ?? SCHEDULED, count: 1 });
        return result;
      });
      return plain({ nowMs, results, holders });
    },
  };
}
