import { plain, type Packet } from '../../packing.ts';
import { AGGREGATING, PENDING, SCHEDULED, type StateNumber } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createLocks } from '../tables/locks.ts';

/** A task to store; its payload is the bytes at the same place. */
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
  lock: readonly [key: string, lastsMs: number] | null,
  group: string | null,
];

export interface EnqueueCall {
  readonly queues: readonly string[];
  readonly rows: readonly NewRow[];
}

/** By task: one of the numbers below, else when it is due. */
export interface EnqueueReply {
  readonly nowMs: number;
  readonly dues: readonly number[];
  /** Who holds the lock, per `HELD`, in order. */
  readonly holders: readonly string[];
}

/** The ID is taken. */
export const TAKEN = 0;
/** Pending. */
export const AT_ONCE = 1;
/** It waits in its group. */
export const JOINED = 2;
/** Another task has its unique lock. */
export const HELD = 3;

/** Payloads up to this stand in the task's row: one write and one read less. */
export const INLINE_BYTES = 512;

const INSERT = `
  INSERT INTO task (seq, queue, state, at, max_retries, timeout_ms, deadline_ms, retention_ms, pending_since_ms,
    size, id, type, business, meta, headers, payload, unique_key, in_group)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

export const STORED_AS: Readonly<Record<number, StateNumber>> = { [AT_ONCE]: PENDING, [JOINED]: AGGREGATING };

interface Arrival {
  readonly entry: QueueEntry;
  readonly payload: Uint8Array | null;
  readonly nowMs: number;
}

export function createStorer({ database, sequence }: Store) {
  const insert = database.prepare(INSERT);
  const insertBody = database.prepare('INSERT INTO body (seq, payload) VALUES (?, ?)');
  const look = database.prepare('SELECT 1 FROM task WHERE queue = ? AND id = ?');
  const locks = createLocks(database);

  /** A taken ID comes first, so that no lock is left without its task. */
  function lockFor(
    row: NewRow,
    dueMs: number,
    { entry, nowMs }: Arrival,
  ): { taken: boolean; holder: string | null } {
    const [, id, , , , , , , , , , , lock] = row;
    if (lock === null) return { taken: false, holder: null };
    if (look.get(entry.no, id)) return { taken: true, holder: null };
    const [key, lastsMs] = lock;
    return {
      taken: false,
      holder: locks.take({ key, id, untilMs: Math.max(dueMs, nowMs) + lastsMs }, nowMs),
    };
  }

  /** Stores a task; returns its number or due time as the reply has them, for `HELD` with the holder. */
  return (row: NewRow, arrival: Arrival): readonly [due: number, holder: string | null] => {
    const { entry, payload, nowMs } = arrival;
    // prettier-ignore
    const [, id, type, maxRetries, timeoutMs, deadlineMs, retentionMs, delayMs, runAtMs, business, meta, headers,
      lock, group] = row;
    const dueMs = Math.ceil(Math.max(delayMs > 0 ? nowMs + delayMs : 0, runAtMs));
    const { taken, holder } = lockFor(row, dueMs, arrival);
    if (taken) return [TAKEN, null];
    if (holder !== null) return [HELD, holder];
    const due = dueMs > nowMs ? dueMs : group === null ? AT_ONCE : JOINED;
    const seq = sequence.next();
    const at = due === AT_ONCE ? seq : due === JOINED ? nowMs : due;
    const size = payload?.length ?? 0;
    const inline = size <= INLINE_BYTES ? payload : null;
    // prettier-ignore
    const stored = insert.run(
      seq, entry.no, STORED_AS[due] ?? SCHEDULED, at, maxRetries, timeoutMs, deadlineMs, retentionMs,
      due === AT_ONCE ? nowMs : null, size, id, type, business, meta, headers, inline, lock?.[0] ?? null, group,
    );
    if (stored === 0) return [TAKEN, null];
    if (size > INLINE_BYTES) insertBody.run(seq, payload);
    return [due, null];
  };
}

export function submitOperations(store: Store) {
  const { queues } = store;
  const storeTask = createStorer(store);

  return {
    enqueue(call: Packet<EnqueueCall>, { wallMs: nowMs }: Now): Packet<EnqueueReply> {
      const entries = call.data.queues.map((name) => queues.ensure(name, true));
      const holders: string[] = [];
      const dues = call.data.rows.map((row, i) => {
        const entry = entries[row[0]]!;
        const [due, holder] = storeTask(row, { entry, payload: call.bytes[i] ?? null, nowMs });
        if (holder !== null) holders.push(holder);
        else if (due !== TAKEN)
          queues.recordMove(entry, { from: null, to: STORED_AS[due] ?? SCHEDULED, count: 1 });
        return due;
      });
      return plain({ nowMs, dues, holders });
    },
  };
}
