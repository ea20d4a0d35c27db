import { plain, type Packet } from '../packing.ts';
import { PENDING, SCHEDULED } from '../states.ts';
import type { QueueEntry } from '../queue-book.ts';
import type { Moment, Store } from '../store.ts';

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
];

export interface EnqueueCall {
  readonly queues: readonly string[];
  readonly rows: readonly NewRow[];
}

/** By task: 0 = the ID is taken, 1 = pending, else when it is due. */
export interface EnqueueReply {
  readonly nowMs: number;
  readonly dues: readonly number[];
}

export const TAKEN = 0;
export const AT_ONCE = 1;

/** Payloads up to this stand in the task's row: one write and one read less. */
export const INLINE_BYTES = 512;

const INSERT = `
  INSERT INTO task (seq, queue, state, at, max_retries, timeout_ms, deadline_ms, retention_ms, pending_since_ms,
    size, id, type, business, meta, headers, payload)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

export function submitOperations({ database, queues, ranks }: Store) {
  const insert = database.prepare(INSERT);
  const insertBody = database.prepare('INSERT INTO body (seq, payload) VALUES (?, ?)');

  /** When the task is due, as in the reply. */
  function store(
    row: NewRow,
    entry: QueueEntry,
    { payload, nowMs }: { payload: Uint8Array | null; nowMs: number },
  ) {
    const [
      ,
      id,
      type,
      maxRetries,
      timeoutMs,
      deadlineMs,
      retentionMs,
      delayMs,
      runAtMs,
      business,
      meta,
      headers,
    ] = row;
    const dueMs = Math.ceil(Math.max(delayMs > 0 ? nowMs + delayMs : 0, runAtMs));
    const waits = dueMs > nowMs;
    const seq = ranks.next();
    const [state, at] = waits ? [SCHEDULED, dueMs] : [PENDING, seq];
    const size = payload?.length ?? 0;
    const inline = size <= INLINE_BYTES ? payload : null;
    // prettier-ignore
    const stored = insert.run(
      seq, entry.no, state, at, maxRetries, timeoutMs, deadlineMs, retentionMs, waits ? null : nowMs,
      size, id, type, business, meta, headers, inline,
    );
    if (stored === 0) return TAKEN;
    if (size > INLINE_BYTES) insertBody.run(seq, payload);
    return waits ? dueMs : AT_ONCE;
  }

  return {
    enqueue(call: Packet<EnqueueCall>, { wallMs }: Moment): Packet<EnqueueReply> {
      const entries = call.data.queues.map((name) => queues.ensure(name, true));
      const pending = entries.map(() => 0);
      const scheduled = entries.map(() => 0);
      const dues = call.data.rows.map((row, i) => {
        const due = store(row, entries[row[0]]!, { payload: call.bytes[i] ?? null, nowMs: wallMs });
        if (due !== TAKEN) (due === AT_ONCE ? pending : scheduled)[row[0]]! += 1;
        return due;
      });
      entries.forEach((entry, i) => {
        queues.moved(entry, { from: null, to: PENDING, count: pending[i]! });
        queues.moved(entry, { from: null, to: SCHEDULED, count: scheduled[i]! });
      });
      return plain({ nowMs: wallMs, dues });
    },
  };
}
