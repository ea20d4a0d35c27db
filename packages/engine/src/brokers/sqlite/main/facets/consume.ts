// The consume facet on the main thread: exchanges, lease renewals and early results as requests of the writer thread.
import type { Consume, Finish, LeasedTask, Exchange, ExchangeOutcome } from '../../../../broker/consume.ts';
import { encodeAttempt } from '../../../../task/attempt-record.ts';
import { decodeMeta } from '../../../../task/meta.ts';
import type { LeasedRow, ExchangeCall } from '../../thread/facets/consume.ts';
import {
  FINISH_REMOVE,
  FINISH_REQUEUE,
  FINISH_ARCHIVE,
  HAS_ATTEMPTS,
  HAS_BODY,
  FINISH_COMPLETE,
  FINISH_RETRY,
  type FinishRow,
} from '../../thread/facets/finish.ts';
import type { ReplyOf } from '../../thread/requests.ts';
import type { Bytes, Packet } from '../../packing.ts';
import type { Writer } from '../writer.ts';
import { indexNames } from './name-index.ts';

/** What a leased task carries for its finish: its row, and which rows of other tables belong to it. */
interface Source {
  readonly seq: number;
  /** Bit field of `HAS_BODY`, `HAS_ATTEMPTS`, `HAS_LOCK`. */
  related: number;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** A task that this broker did not lease gets row 0, which does not exist: its finish loses the lease. */
const sourceOf = ({ source }: LeasedTask): Source =>
  (source as Source | null | undefined) ?? { seq: 0, related: HAS_BODY | HAS_ATTEMPTS };

/** What becomes of the task. A success without retention is removed, and its attempt leaves no record. */
function actionOf(finish: Finish): number {
  switch (finish.outcome) {
    case 'succeeded':
      return finish.task.retentionMs > 0 ? FINISH_COMPLETE : FINISH_REMOVE;
    case 'revoked':
      return FINISH_REMOVE;
    case 'retry':
      return FINISH_RETRY;
    case 'archive':
      return FINISH_ARCHIVE;
    case 'requeue':
      return FINISH_REQUEUE;
  }
}

/** The message of a finish; `queue` is the index of the task's queue in the call. */
function finishRow(finish: Finish, queue: number): FinishRow {
  const { task } = finish;
  const { seq, related } = sourceOf(task);
  const action = actionOf(finish);
  const record = finish.outcome === 'requeue' || action === FINISH_REMOVE ? null : finish.record;
  const [delayMs, countsAsFailure] =
    finish.outcome === 'retry' ? [finish.delayMs, finish.countsAsFailure] : [0, false];
  return [
    action,
    queue,
    seq,
    task.token,
    related,
    task.attempt,
    record && encodeAttempt(record),
    record?.error?.message ?? null,
    delayMs,
    countsAsFailure ? 1 : 0,
  ];
}

function exchangePacket({
  finishes,
  queues,
  shares = [],
  room,
  leaseMs,
  worker,
}: Exchange): Packet<ExchangeCall> {
  const { names, indexes } = indexNames(finishes.map(({ task }) => task.queue));
  const rows = finishes.map((finish, index) => finishRow(finish, indexes[index]!));
  const data = { finishedQueues: names, finishes: rows, queues, shares, room, leaseMs, worker };
  const bytes = finishes.map((finish) => (finish.outcome === 'succeeded' ? finish.result : null));
  return { data, bytes };
}

/** What the tasks of a queue have in common in one exchange. */
interface SharedLease {
  readonly queue: string;
  readonly token: number;
}

function leasedTask(row: LeasedRow, payload: Bytes, { queue, token }: SharedLease): LeasedTask {
  const [seq, id, type, maxRetries, retried, timeoutMs, deadlineMs, retentionMs, attempt, ...rest] = row;
  const [crashes, pendingSinceMs, related, meta, headers] = rest;
  return {
    queue,
    id,
    token,
    type,
    payload,
    headers: headers === null ? NO_HEADERS : (JSON.parse(headers) as Record<string, string>),
    maxRetries,
    retried,
    timeoutMs,
    deadlineMs,
    retentionMs,
    attempt,
    crashes,
    pendingSinceMs,
    meta: decodeMeta(meta),
    source: { seq, related } satisfies Source,
  };
}

/** Puts rows, payloads and queues of the reply together again. */
function exchangeOutcome(
  { data, bytes, rows }: ReplyOf<'exchange'>,
  queues: readonly string[],
): ExchangeOutcome {
  const { finished, token, taken } = data;
  const tasks: LeasedTask[] = [];
  for (const [queueIndex, count] of taken) {
    const lease = { queue: queues[queueIndex]!, token };
    const end = tasks.length + count;
    for (let index = tasks.length; index < end; index += 1)
      tasks.push(leasedTask(rows[index]!, bytes[index] ?? null, lease));
  }
  return {
    finished: finished.map((accepted) => (accepted === 1 ? 'accepted' : 'lease-lost')),
    tasks,
    quarantined: [],
  };
}

export function createConsume(writer: Writer): Consume {
  return {
    async exchange(exchange, options) {
      return exchangeOutcome(
        await writer.run('exchange', exchangePacket(exchange), options),
        exchange.queues,
      );
    },

    async extend(leases, lengthMs) {
      const rows = leases.map(({ queue, id, token }) => [queue, id, token] as const);
      const { data } = await writer.run('extend', { data: { lengthMs, leases: rows }, bytes: [] });
      return data.map((renewed) => renewed > 0);
    },

    async keepResults(results) {
      const rows = results.map(({ task: { queue, id, token } }) => [queue, id, token] as const);
      const packet = { data: rows, bytes: results.map(({ result }) => result) };
      const { data } = await writer.run('keepResults', packet);
      return results.map(({ task }, index) => {
        const isKept = (data[index] ?? 0) > 0;
        // The task now has a row in `body`, which its finish must delete.
        if (isKept) sourceOf(task).related |= HAS_BODY;
        return isKept;
      });
    },
  };
}
