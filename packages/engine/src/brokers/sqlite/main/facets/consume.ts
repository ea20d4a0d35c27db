// The consume facet on the main thread: exchanges, lease renewals and early results as requests of the writer thread. An
// exchange is the hottest call of all. Its finishes and its tasks therefore travel as rows.
import type {
  Consume,
  Exchange,
  ExchangeOutcome,
  Finish,
  FinishOutcome,
  LeasedTask,
} from '../../../../broker/consume.ts';
import { isGivenBack } from '../../../../broker/given-back.ts';
import { encodeAttempt, encodeStack } from '../../../../task/attempt-record.ts';
import { decodeMeta } from '../../../../task/meta.ts';
import type { Bytes, Packet } from '../../packing.ts';
import {
  ACTION,
  FINISH,
  HAS_ATTEMPTS,
  HAS_BODY,
  HAS_LOG,
  indexNames,
  LEASE,
  LEASED,
  type FinishAction,
  type FinishItem,
  type LeasedItem,
  type Related,
  type Row,
} from '../../rows.ts';
import type { ExchangeRequest } from '../../thread/facets/consume.ts';
import type { AnswerOf, StoreCalls } from '../../thread/requests.ts';

/** What a leased task carries for its finish: the number of its row, and which rows of other tables belong to it. */
interface Source {
  readonly seq: number;
  /** Gains `HAS_BODY` or `HAS_LOG` when a result or log lines are stored while the attempt runs. */
  related: Related;
}

/** A task that this broker did not lease gets row 0, which does not exist: its finish loses the lease. */
const sourceOf = ({ source }: LeasedTask): Source =>
  (source as Source | null | undefined) ?? { seq: 0, related: HAS_BODY | HAS_ATTEMPTS | HAS_LOG };

/** Tasks without headers share this object. */
const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** What becomes of the task. A success without retention is removed, and its attempt leaves no record. */
function actionOf(finish: Finish): FinishAction {
  switch (finish.outcome) {
    case 'succeeded':
      return finish.task.retentionMs > 0 ? ACTION.complete : ACTION.remove;
    case 'revoked':
      return ACTION.revoke;
    default:
      return ACTION[finish.outcome];
  }
}

/** The message of a finish; `queue` is the index of the task's queue in the call. */
function finishRow(finish: Finish, queue: number): Row<FinishItem> {
  const { task } = finish;
  const { seq, related } = sourceOf(task);
  const action = actionOf(finish);
  const record = isGivenBack(finish) || action === ACTION.remove ? null : finish.record;
  return FINISH.toRow({
    action,
    queue,
    seq,
    token: task.token,
    related,
    attempt: task.attempt,
    record: record && encodeAttempt(record),
    stack: finish.outcome === 'retry' || finish.outcome === 'archive' ? encodeStack(finish.record) : '',
    error: record?.error?.message ?? null,
    waitingFor: finish.outcome === 'defer' ? finish.reason : null,
    delayMs: finish.outcome === 'retry' || finish.outcome === 'defer' ? finish.delayMs : 0,
    failures: finish.outcome === 'retry' && finish.countsAsFailure ? 1 : 0,
  });
}

/** Makes the request of an exchange. Finishes name their queue by an index, because many finishes share few queues. */
function exchangePacket(exchange: Exchange): Packet<ExchangeRequest> {
  const { finishes, queues, shares = [], room, leaseMs, worker, leave = [] } = exchange;
  const { names, indexes } = indexNames(finishes.map(({ task }) => task.queue));
  const rows = finishes.map((finish, index) => finishRow(finish, indexes[index]!));
  return {
    data: { finishedQueues: names, finishes: rows, queues, shares, room, leaseMs, worker, leave },
    // One per finish, as the rows are.
    bytes: finishes.map((finish) => (finish.outcome === 'succeeded' ? finish.result : null)),
  };
}

/** What the tasks of a queue have in common in one exchange. */
interface SharedLease {
  readonly queue: string;
  readonly token: number;
}

/** A task that the call has taken, for its worker. */
function leasedTask(row: Row<LeasedItem>, payload: Bytes, { queue, token }: SharedLease): LeasedTask {
  const leased = LEASED.fromRow(row);
  const { seq, related, headers } = leased;
  return {
    queue,
    id: leased.id,
    token,
    type: leased.type,
    payload,
    headers: headers === null ? NO_HEADERS : (JSON.parse(headers) as Record<string, string>),
    maxRetries: leased.maxRetries,
    retried: leased.retried,
    timeoutMs: leased.timeoutMs,
    deadlineMs: leased.deadlineMs,
    retentionMs: leased.retentionMs,
    attempt: leased.attempt,
    crashes: leased.crashes,
    pendingSinceMs: leased.pendingSinceMs,
    meta: decodeMeta(leased.meta),
    source: { seq, related } satisfies Source,
  };
}

/** By the thread's answer. */
const FINISH_OUTCOMES = ['lease-lost', 'accepted', 'cancelled'] as const satisfies readonly FinishOutcome[];

/** Puts rows, payloads and queues of the reply together again. */
function exchangeOutcome(
  { data, bytes, rows }: AnswerOf<'exchange'>,
  queues: readonly string[],
): ExchangeOutcome {
  const { finished, token, taken, hasLeft } = data;
  const tasks: LeasedTask[] = [];
  // The rows of a queue follow each other, in the order in which the thread visited the queues.
  for (const { queue, count } of taken) {
    const lease = { queue: queues[queue]!, token };
    const end = tasks.length + count;
    for (let index = tasks.length; index < end; index += 1)
      tasks.push(leasedTask(rows[index]!, bytes[index] ?? null, lease));
  }
  return {
    finished: finished.map((code) => FINISH_OUTCOMES[code]),
    tasks,
    // No other program writes to the file, so every task in it can be read.
    quarantined: [],
    hasLeft,
  };
}

/** Each method sends one request. This side stores nothing: a task carries what its finish needs, in `source`. */
export function createConsume(writer: StoreCalls): Consume {
  return {
    async exchange(exchange, options) {
      const reply = await writer.run('exchange', exchangePacket(exchange), options);
      return exchangeOutcome(reply, exchange.queues);
    },

    extend: (leases, lengthMs) => writer.ask('extend', { lengthMs, leases: leases.map(LEASE.toRow) }),

    markAlone: (lease, isAlone) => writer.ask('markAlone', { lease: LEASE.toRow(lease), isAlone }),

    // A task that has lines now needs them deleted with it.
    async keepNotes(notes) {
      const data = notes.map(({ task, ...note }) => ({ lease: LEASE.toRow(task), ...note }));
      const kept = await writer.ask('keepNotes', data);
      for (const [index, { task }] of notes.entries()) if (kept[index]) sourceOf(task).related |= HAS_LOG;
      return kept;
    },

    // Each result is the item with the same index in the packet's bytes.
    async keepResults(results) {
      const packet = {
        data: results.map(({ task }) => LEASE.toRow(task)),
        bytes: results.map(({ result }) => result),
      };
      const { data: kept } = await writer.run('keepResults', packet);
      // These tasks now have a row in `body`, which their finishes must delete.
      for (const [index, { task }] of results.entries()) if (kept[index]) sourceOf(task).related |= HAS_BODY;
      return results.map((_, index) => kept[index] ?? false);
    },
  };
}
