// Taking tasks, renewing their leases and keeping results. Runs in the writer thread; its calls come from
// main/facets/consume.ts. An exchange ends attempts (finish.ts) and takes new tasks in one transaction.
import { LEAVE_MS, MAX_BATCH, MAX_BATCH_BYTES, MAX_LEFT } from '../../../../broker/bounds.ts';
import type { Lease } from '../../../../broker/consume.ts';
import { plain, type Bytes, type Json, type Packet } from '../../packing.ts';
import {
  columnOf,
  HAS_ATTEMPTS,
  HAS_BODY,
  HAS_LOCK,
  HAS_LOG,
  LEASE,
  LEASED,
  type FinishItem,
  type LeasedItem,
  type Row,
} from '../../rows.ts';
import { PENDING } from '../../states.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import { INLINE_BYTES } from '../tables/bodies.ts';
import type { NewLease } from '../starts.ts';
import { createFinisher, type FinishCode } from './finish.ts';

/** Asks to end attempts and to take tasks. The results of the attempts are the packet's bytes, one item per finish. */
export interface ExchangeRequest {
  /** Queues that `finishes` name by index. */
  readonly finishedQueues: readonly string[];
  readonly finishes: readonly Row<FinishItem>[];
  /** Queues to take tasks from, in this order. */
  readonly queues: readonly string[];
  /** How many tasks to take of each queue at first. Empty = of each queue as many as it has. */
  readonly shares: readonly number[];
  /** How many tasks to take in all. */
  readonly room: number;
  /** Length of the leases of the tasks taken. */
  readonly leaseMs: number;
  /** Name of the worker, shown with its tasks. */
  readonly worker: string;
  /** Types to leave to other workers for now. Empty = none. */
  readonly leave: readonly string[];
}

/** Tasks of one queue that an exchange has taken. */
interface TakenShare {
  /** Index of the queue in the call. */
  readonly queue: number;
  readonly count: number;
}

/** The packet's rows are the tasks taken, its bytes their payloads. */
export interface ExchangeAnswer {
  readonly finished: readonly FinishCode[];
  /** The lease token of all tasks taken. */
  readonly token: number;
  /** Whose tasks the packet's rows are, in the order of the rows. */
  readonly taken: readonly TakenShare[];
  /** Whether pending tasks were left to other workers. */
  readonly hasLeft: boolean;
}

/** Asks to renew leases. */
export interface ExtendRequest {
  /** The new length of each lease, from now. */
  readonly lengthMs: number;
  readonly leases: readonly Row<Lease>[];
}

/** Asks to record whether a task runs alone. */
export interface MarkAloneRequest {
  readonly lease: Row<Lease>;
  readonly isAlone: boolean;
}

/** The columns of a leased task that are no columns of its row. */
const LEASED_SQL: Partial<Record<keyof LeasedItem, string>> = {
  attempt: 'attempts + 1',
  // An earlier attempt may have left a result or log lines.
  related: `(size > ${INLINE_BYTES} OR attempts + deferrals > 0) * ${HAS_BODY} + (attempts + deferrals > 0) * ${HAS_LOG}
    + (attempts > 0) * ${HAS_ATTEMPTS} + (unique_key IS NOT NULL) * ${HAS_LOCK}`,
};

const SELECT = `
  SELECT at, seq, size, payload, json_array(${LEASED.names.map((name) => LEASED_SQL[name] ?? columnOf(name)).join(', ')})`;
/**
 * The first tasks of a queue. A limit that is a parameter alone has SQLite prepare the statement anew for each call, with the value as a hint:
 * 50 µs. SQLite itself writes their JSON, which the thread passes on unread. */
const SELECT_FIRST = `${SELECT} FROM task WHERE queue = ? AND state = ${PENDING} ORDER BY at LIMIT ? + 0`;
/** The first tasks but for those of certain types that became pending after a time. */
const SELECT_OTHERS = `${SELECT} FROM
  (SELECT * FROM task WHERE queue = ?1 AND state = ${PENDING} ORDER BY at LIMIT ?2 + ${MAX_LEFT})
  WHERE NOT (ifnull(pending_since_ms, 0) BETWEEN ?3 + 1 AND ?5 AND type IN (SELECT value FROM json_each(?4))) ORDER BY at LIMIT ?2 + 0`;
type FirstRow = [at: number, seq: number, size: number, payload: Bytes, json: Json<Row<LeasedItem>>];

/** What a call has taken so far. */
interface TakenTasks {
  readonly lease: NewLease;
  /** Types to leave to other workers, as JSON; '' = none. */
  readonly leave: string;
  readonly taken: TakenShare[];
  readonly rows: Json<Row<LeasedItem>>[];
  readonly payloads: Bytes[];
  bytes: number;
  hasLeft: boolean;
}

/** A queue to take tasks from. */
interface QueueShare {
  readonly entry: QueueEntry;
  /** Its index in the call. */
  readonly queue: number;
  /** How many tasks to take at most. */
  readonly room: number;
}

/** Makes the function that takes tasks of one queue: one query, and one update for all of them. */
function createTaker({ database, tasks, bodies }: Store) {
  const selectFirst = database.prepare(SELECT_FIRST);
  const selectOthers = database.prepare(SELECT_OTHERS);

  function find({ entry, room }: QueueShare, { leave, lease }: TakenTasks): FirstRow[] {
    const rows =
      leave === ''
        ? selectFirst.all(entry.number, room)
        : selectOthers.all(entry.number, room, lease.nowMs - LEAVE_MS, leave, lease.nowMs);
    return rows as unknown as FirstRow[];
  }

  /** Takes tasks from the front of a queue into `batch`. False = the call has no bytes left. */
  return (share: QueueShare, batch: TakenTasks): boolean => {
    const { entry, queue, room } = share;
    const rows = find(share, batch);
    const seqs: number[] = [];
    let lastOrder = 0;
    if (rows.length < room && rows.length < entry.counts[PENDING]!) batch.hasLeft = true;
    for (const [at, seq, size, payload, json] of rows) {
      const bytes = size + json.length;
      if (batch.rows.length > 0 && batch.bytes + bytes > MAX_BATCH_BYTES) break;
      batch.bytes += bytes;
      batch.rows.push(json);
      batch.payloads.push(size > INLINE_BYTES ? bodies.payload(seq) : payload);
      seqs.push(seq);
      lastOrder = at;
    }
    const count = seqs.length;
    if (count === 0) return true;
    if (batch.leave === '') tasks.startFirst(entry, { count, lastOrder }, batch.lease);
    else tasks.startListed(entry, seqs, batch.lease);
    batch.taken.push({ queue, count });
    return count === rows.length;
  };
}

/** Requests of workers while their attempts run. */
function createLeaseHandlers({ queues, tasks, bodies }: Store) {
  return {
    /** Per lease: false = the task no longer has this token. */
    extend({ data }: Packet<ExtendRequest>, { monotonicMs }: Now): Packet<boolean[]> {
      const untilMs = Math.ceil(monotonicMs + data.lengthMs);
      return plain(
        data.leases.map((row) => {
          const lease = LEASE.fromRow(row);
          const entry = queues.find(lease.queue);
          return entry !== undefined && tasks.extend(entry, lease, untilMs);
        }),
      );
    },

    /** False = the task no longer has this token. */
    markAlone({ data: { lease: row, isAlone } }: Packet<MarkAloneRequest>): Packet<boolean> {
      const lease = LEASE.fromRow(row);
      const entry = queues.find(lease.queue);
      return plain(entry !== undefined && tasks.markAlone(entry, lease, isAlone));
    },

    /** Per result: false = the task no longer has this token; nothing was written. */
    keepResults({ data, bytes }: Packet<readonly Row<Lease>[]>): Packet<boolean[]> {
      return plain(
        data.map((row, index) => {
          const { queue, id, token } = LEASE.fromRow(row);
          const entry = queues.find(queue);
          if (!entry) return false;
          return bodies.keepEarlyResult({ queue: entry.number, id, token, result: bytes[index] ?? null });
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
  function fetch(request: ExchangeRequest, lease: NewLease): TakenTasks {
    const leave = request.leave.length > 0 ? JSON.stringify(request.leave) : '';
    const batch: TakenTasks = {
      lease,
      leave,
      taken: [],
      rows: [],
      payloads: [],
      bytes: 0,
      hasLeft: false,
    };
    const maxTasks = Math.min(request.room, MAX_BATCH);
    /** Takes tasks of all queues, of each up to its share. False = the call has no bytes left. */
    const takeRound = (shareOf: (queueIndex: number) => number): boolean => {
      for (const [queueIndex, name] of request.queues.entries()) {
        const room = Math.min(shareOf(queueIndex), maxTasks - batch.rows.length);
        const entry = queues.find(name);
        if (room <= 0 || !entry || entry.paused || entry.counts[PENDING] === 0) continue;
        if (!take({ entry, queue: queueIndex, room }, batch)) return false;
      }
      return true;
    };
    const hasRoom = request.shares.length === 0 || takeRound((queueIndex) => request.shares[queueIndex] ?? 0);
    if (hasRoom) takeRound(() => maxTasks);
    return batch;
  }

  return {
    ...createLeaseHandlers(store),

    /** Finishes first: a worker's finished tasks make room for the ones that it takes. */
    exchange({ data, bytes }: Packet<ExchangeRequest>, now: Now): Packet<ExchangeAnswer, Row<LeasedItem>> {
      const entries = data.finishedQueues.map((name) => queues.find(name));
      const finished = finish({ entries, rows: data.finishes, results: bytes }, now);
      const token = store.nextToken();
      const untilMs = Math.ceil(now.monotonicMs + data.leaseMs);
      const lease = { token, untilMs, worker: data.worker, nowMs: now.wallMs };
      const { taken, rows, payloads, hasLeft } = fetch(data, lease);
      return { data: { finished, token, taken, hasLeft }, bytes: payloads, rows };
    },
  };
}
