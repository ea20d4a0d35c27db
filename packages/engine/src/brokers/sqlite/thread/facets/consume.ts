// Taking tasks, renewing their leases and keeping results. Runs in the writer thread; its calls come from
// main/facets/consume.ts. An exchange ends attempts (finish.ts) and takes new tasks in one transaction.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../../broker/bounds.ts';
import { plain, type Bytes, type Json, type Packet } from '../../packing.ts';
import { ACTIVE, PENDING } from '../../states.ts';
import type { SqlRow } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createFinisher, HAS_ATTEMPTS, HAS_BODY, HAS_LOCK, type FinishRow } from './finish.ts';
import { INLINE_BYTES } from './submit.ts';

export interface ExchangeCall {
  /** Queues that `finishes` name by index. */
  readonly finishedQueues: readonly string[];
  readonly finishes: readonly FinishRow[];
  /** Queues to take tasks from, in this order. */
  readonly queues: readonly string[];
  /** How many tasks to take of each queue at first. Empty = of each queue as many as it has. */
  readonly shares: readonly number[];
  /** How many tasks to take in all. */
  readonly room: number;
  readonly leaseMs: number;
  readonly worker: string;
}

/** A task taken. Its payload is the item with the same index in the packet's bytes. */
export type LeasedRow = readonly [
  seq: number,
  id: string,
  type: string,
  maxRetries: number,
  retried: number,
  timeoutMs: number,
  deadlineMs: number,
  retentionMs: number,
  attempt: number,
  crashes: number,
  pendingSinceMs: number | null,
  related: number,
  meta: string | null,
  headers: string | null,
];

export interface ExchangeReply {
  /** 1 = accepted, 0 = the lease was lost. */
  readonly finished: readonly number[];
  readonly token: number;
  /** In the order of the rows: index of a queue in the call, and how many of the next rows are its tasks. */
  readonly taken: readonly (readonly [queue: number, count: number])[];
}

export interface ExtendCall {
  readonly lengthMs: number;
  readonly leases: readonly LeaseRow[];
}

/** A lease to renew, or the lease of the attempt whose result is kept. */
export type LeaseRow = readonly [queue: string, id: string, token: number];

// The fifth column is a whole `LeasedRow`: SQLite writes its JSON, and the thread passes it on unread. A task has a row in
// `body` if its payload is large, or perhaps if an earlier attempt has left a result.
const SELECT = `
  SELECT at, seq, size, payload, json_array(seq, id, type, max_retries, retried, timeout_ms, deadline_ms, retention_ms,
    attempts + 1, crashes, pending_since_ms,
    (size > ${INLINE_BYTES} OR attempts + deferrals > 0) * ${HAS_BODY}
      + (attempts > 0) * ${HAS_ATTEMPTS} + (unique_key IS NOT NULL) * ${HAS_LOCK},
    meta, headers)
  FROM task WHERE queue = ? AND state = 1 ORDER BY at LIMIT ?`;

/** What a call has taken so far. */
interface TakenTasks {
  readonly taken: [queue: number, count: number][];
  readonly rows: Json<LeasedRow>[];
  readonly payloads: Bytes[];
  bytes: number;
}

/** The lease of all tasks that a call takes. */
interface NewLease {
  readonly token: number;
  /** On the monotonic clock. */
  readonly untilMs: number;
  readonly worker: string;
  readonly nowMs: number;
}

/** Makes the function that takes tasks of one queue: one query, and one update for all of them. */
function createTaker({ database, queues }: Store) {
  const select = database.prepare(SELECT);
  const payloadOf = database.prepare('SELECT payload FROM body WHERE seq = ?');
  // Numbers of pending tasks are unique in a queue: those up to the last one taken are exactly the tasks taken.
  const lease = database.prepare(`
    UPDATE task SET state = 2, at = ?, token = ?, worker = ?, started_ms = ?, attempts = attempts + 1
    WHERE queue = ? AND state = 1 AND at <= ?`);

  /** The payload of a row of `SELECT`: from the row itself, or from `body` if it is large. */
  function payload([, seq, size, inline]: SqlRow): Bytes {
    if (Number(size) <= INLINE_BYTES) return inline as Bytes;
    return payloadOf.get(seq ?? null)?.[0] as Bytes;
  }

  /** Takes up to `room` tasks from the front of a queue into `tasks`. False = the call has no bytes left. */
  return (
    entry: QueueEntry,
    queueIndex: number,
    { tasks, room, ...by }: NewLease & { tasks: TakenTasks; room: number },
  ): boolean => {
    const rows = select.all(entry.number, room);
    let count = 0;
    for (const row of rows) {
      const [, , size, , json] = row;
      const text = json as Json<LeasedRow>;
      const bytes = Number(size) + text.length;
      if (tasks.rows.length > 0 && tasks.bytes + bytes > MAX_BATCH_BYTES) break;
      tasks.bytes += bytes;
      tasks.rows.push(text);
      tasks.payloads.push(payload(row));
      count += 1;
    }
    const [lastAt] = rows[count - 1] ?? [];
    if (lastAt === undefined) return count === rows.length;
    lease.run(by.untilMs, by.token, by.worker, by.nowMs, entry.number, lastAt);
    queues.recordMove(entry, { from: PENDING, to: ACTIVE, count });
    tasks.taken.push([queueIndex, count]);
    return count === rows.length;
  };
}

/** Requests of workers while their attempts run. */
function createLeaseHandlers({ database, queues }: Store) {
  const extend = database.prepare(
    'UPDATE task SET at = ? WHERE queue = ? AND id = ? AND state = 2 AND token = ?',
  );

  const keepResult = database.prepare(`
    INSERT INTO body (seq, result)
    SELECT seq, ? FROM task WHERE queue = ? AND id = ? AND state = 2 AND token = ?
    ON CONFLICT (seq) DO UPDATE SET result = excluded.result`);

  return {
    /** Per lease: 1 = renewed, 0 = the task no longer has this token. */
    extend({ data }: Packet<ExtendCall>, { monotonicMs }: Now): Packet<readonly number[]> {
      const untilMs = Math.ceil(monotonicMs + data.lengthMs);
      return plain(
        data.leases.map(([queue, id, token]) => {
          const entry = queues.find(queue);
          return entry ? extend.run(untilMs, entry.number, id, token) : 0;
        }),
      );
    },

    /** Per result: 1 = written, 0 = the task no longer has this token. */
    keepResults({ data, bytes }: Packet<readonly LeaseRow[]>): Packet<readonly number[]> {
      return plain(
        data.map(([queue, id, token], index) => {
          const entry = queues.find(queue);
          return entry ? keepResult.run(bytes[index] ?? null, entry.number, id, token) : 0;
        }),
      );
    },
  };
}

export function createConsumeHandlers(store: Store) {
  const { queues } = store;
  const finish = createFinisher(store);
  const take = createTaker(store);

  /** Takes each queue's share first, then fills the room that is left from the queues in order. */
  function fetch(call: ExchangeCall, lease: NewLease): TakenTasks {
    const tasks: TakenTasks = { taken: [], rows: [], payloads: [], bytes: 0 };
    const maxTasks = Math.min(call.room, MAX_BATCH);
    /** Takes tasks of all queues, of each up to its share. False = the call has no bytes left. */
    const takeRound = (shareOf: (queueIndex: number) => number): boolean => {
      for (const [queueIndex, name] of call.queues.entries()) {
        const room = Math.min(shareOf(queueIndex), maxTasks - tasks.rows.length);
        const entry = queues.find(name);
        if (room <= 0 || !entry || entry.paused || entry.counts[PENDING] === 0) continue;
        if (!take(entry, queueIndex, { ...lease, tasks, room })) return false;
      }
      return true;
    };
    const hasRoom = call.shares.length === 0 || takeRound((queueIndex) => call.shares[queueIndex] ?? 0);
    if (hasRoom) takeRound(() => maxTasks);
    return tasks;
  }

  return {
    ...createLeaseHandlers(store),

    /** Finishes first: a worker's finished tasks make room for the ones that it takes. */
    exchange({ data, bytes }: Packet<ExchangeCall>, now: Now): Packet<ExchangeReply, LeasedRow> {
      const entries = data.finishedQueues.map(queues.find);
      const finished = finish({ entries, rows: data.finishes, results: bytes }, now);
      const token = store.nextToken();
      const untilMs = Math.ceil(now.monotonicMs + data.leaseMs);
      const lease = { token, untilMs, worker: data.worker, nowMs: now.wallMs };
      const { taken, rows, payloads } = fetch(data, lease);
      return { data: { finished, token, taken }, bytes: payloads, rows };
    },
  };
}
