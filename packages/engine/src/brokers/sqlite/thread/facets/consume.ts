import { plain, type Bytes, type Json, type Packet } from '../../packing.ts';
import { ACTIVE, PENDING } from '../../states.ts';
import type { SqlRow } from '../database.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { createFinisher, HAS_ATTEMPTS, HAS_BODY, HAS_LOCK, type FinishRow } from './finish.ts';
import { INLINE_BYTES } from './submit.ts';

export interface ExchangeCall {
  /** Queues that `finishes` name by place. */
  readonly finishedQueues: readonly string[];
  readonly finishes: readonly FinishRow[];
  readonly queues: readonly string[];
  /** Of each queue at first; none = as many as it has. */
  readonly shares: readonly number[];
  readonly room: number;
  readonly leaseMs: number;
  readonly worker: string;
}

/** A task taken; its payload is the bytes at the same place. */
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
  parts: number,
  meta: string | null,
  headers: string | null,
];

export interface ExchangeReply {
  /** 1 = accepted, 0 = the lease was lost. */
  readonly finished: readonly number[];
  readonly token: number;
  /** Of the queues taken from, in the order of the rows: the place among the call's, and how many tasks. */
  readonly taken: readonly (readonly [queue: number, count: number])[];
}

export interface ExtendCall {
  readonly lengthMs: number;
  readonly leases: readonly LeaseRow[];
}

export type LeaseRow = readonly [queue: string, id: string, token: number];

const MAX_TASKS = 256;
const MAX_BATCH_BYTES = 512 * 1_024;

// An earlier attempt may have left a result.
const SELECT = `
  SELECT at, seq, size, payload, json_array(seq, id, type, max_retries, retried, timeout_ms, deadline_ms, retention_ms,
    attempts + 1, crashes, pending_since_ms,
    (size > ${INLINE_BYTES} OR attempts + deferrals > 0) * ${HAS_BODY}
      + (attempts > 0) * ${HAS_ATTEMPTS} + (unique_key IS NOT NULL) * ${HAS_LOCK},
    meta, headers)
  FROM task WHERE queue = ? AND state = 1 ORDER BY at LIMIT ?`;

interface Taking {
  readonly taken: [queue: number, count: number][];
  readonly rows: Json<LeasedRow>[];
  readonly payloads: Bytes[];
  bytes: number;
}

interface Lease {
  readonly token: number;
  readonly untilMs: number;
  readonly worker: string;
  readonly nowMs: number;
}

function createTaker({ database, queues }: Store) {
  const select = database.prepare(SELECT);
  const payloadOf = database.prepare('SELECT payload FROM body WHERE seq = ?');
  const lease = database.prepare(`
    UPDATE task SET state = 2, at = ?, token = ?, worker = ?, started_ms = ?, attempts = attempts + 1
    WHERE queue = ? AND state = 1 AND at <= ?`);

  function payload([, seq, size, inline]: SqlRow): Bytes {
    if (Number(size) <= INLINE_BYTES) return inline as Bytes;
    return payloadOf.get(seq ?? null)?.[0] as Bytes;
  }

  /** Takes up to `room` tasks from the head of a queue; false = the call has no bytes left. */
  return (
    entry: QueueEntry,
    place: number,
    { into, room, ...by }: Lease & { into: Taking; room: number },
  ): boolean => {
    const rows = select.all(entry.no, room);
    let count = 0;
    for (const row of rows) {
      const text = row[4] as Json<LeasedRow>;
      const size = Number(row[2]) + text.length;
      if (into.rows.length > 0 && into.bytes + size > MAX_BATCH_BYTES) break;
      into.bytes += size;
      into.rows.push(text);
      into.payloads.push(payload(row));
      count += 1;
    }
    const last = rows[count - 1]?.[0];
    if (last === undefined) return count === rows.length;
    // Ranks are unique in a queue's pending, so that the last one's rank bounds exactly those taken.
    lease.run(by.untilMs, by.token, by.worker, by.nowMs, entry.no, last);
    queues.recordMove(entry, { from: PENDING, to: ACTIVE, count });
    into.taken.push([place, count]);
    return count === rows.length;
  };
}

/** What a lease allows while its attempt runs. */
function heldOperations({ database, queues }: Store) {
  const extend = database.prepare(
    'UPDATE task SET at = ? WHERE queue = ? AND id = ? AND state = 2 AND token = ?',
  );

  const keepResult = database.prepare(`
    INSERT INTO body (seq, result)
    SELECT seq, ? FROM task WHERE queue = ? AND id = ? AND state = 2 AND token = ?
    ON CONFLICT (seq) DO UPDATE SET result = excluded.result`);

  return {
    /** 1 = renewed, 0 = it is no longer this token's. */
    extend({ data }: Packet<ExtendCall>, { monotonicMs }: Now): Packet<readonly number[]> {
      const untilMs = Math.ceil(monotonicMs + data.lengthMs);
      return plain(
        data.leases.map(([queue, id, token]) => {
          const entry = queues.find(queue);
          return entry ? extend.run(untilMs, entry.no, id, token) : 0;
        }),
      );
    },

    /** 1 = written, 0 = the lease is no longer this token's. */
    keepResults({ data, bytes }: Packet<readonly LeaseRow[]>): Packet<readonly number[]> {
      return plain(
        data.map(([queue, id, token], i) => {
          const entry = queues.find(queue);
          return entry ? keepResult.run(bytes[i] ?? null, entry.no, id, token) : 0;
        }),
      );
    },
  };
}

export function consumeOperations(store: Store) {
  const { queues } = store;
  const finish = createFinisher(store);
  const take = createTaker(store);

  function fetch(call: ExchangeCall, by: Lease): Taking {
    const into: Taking = { taken: [], rows: [], payloads: [], bytes: 0 };
    const most = Math.min(call.room, MAX_TASKS);
    /** One round over the queues; false = the call has no bytes left. */
    const round = (shareOf: (place: number) => number): boolean => {
      for (const [place, name] of call.queues.entries()) {
        const room = Math.min(shareOf(place), most - into.rows.length);
        const entry = queues.find(name);
        if (room <= 0 || !entry || entry.paused || entry.counts[PENDING] === 0) continue;
        if (!take(entry, place, { ...by, into, room })) return false;
      }
      return true;
    };
    if (call.shares.length === 0 || round((place) => call.shares[place] ?? 0)) round(() => most);
    return into;
  }

  return {
    ...heldOperations(store),

    exchange({ data, bytes }: Packet<ExchangeCall>, moment: Now): Packet<ExchangeReply, LeasedRow> {
      const entries = data.finishedQueues.map(queues.find);
      const finished = finish({ entries, rows: data.finishes, results: bytes }, moment);
      const token = store.newToken();
      const untilMs = Math.ceil(moment.monotonicMs + data.leaseMs);
      const by = { token, untilMs, worker: data.worker, nowMs: moment.wallMs };
      const { taken, rows, payloads } = fetch(data, by);
      return { data: { finished, token, taken }, bytes: payloads, rows };
    },
  };
}
