import type { Consume, Finish, LeasedTask, Exchange, ExchangeOutcome } from '../../../../broker/consume.ts';
import { encodeAttempt } from '../../../../task/attempt-record.ts';
import { decodeMeta } from '../../../../task/meta.ts';
import type { LeasedRow, ExchangeCall } from '../../thread/facets/consume.ts';
import {
  DONE,
  GIVE_BACK,
  GIVE_UP,
  HAS_ATTEMPTS,
  HAS_BODY,
  KEEP,
  RETRY_LATER,
  type FinishRow,
} from '../../thread/facets/finish.ts';
import type { ReplyOf } from '../../thread/requests.ts';
import type { Bytes, Packet } from '../../packing.ts';
import type { Writer } from '../writer.ts';
import { placesOf } from './places.ts';

/** What comes back with a finish: the task's row, and what stands beside it. */
interface Source {
  readonly seq: number;
  parts: number;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** A lease that did not come from here holds nothing: no row has the number 0. */
const sourceOf = ({ source }: LeasedTask): Source =>
  (source as Source | null | undefined) ?? { seq: 0, parts: HAS_BODY | HAS_ATTEMPTS };

function howOf(finish: Finish): number {
  switch (finish.outcome) {
    case 'succeeded':
      return finish.task.retentionMs > 0 ? KEEP : DONE;
    case 'revoked':
      return DONE;
    case 'retry':
      return RETRY_LATER;
    case 'archive':
      return GIVE_UP;
    case 'requeue':
      return GIVE_BACK;
  }
}

function finishRow(finish: Finish, queue: number): FinishRow {
  const { task } = finish;
  const { seq, parts } = sourceOf(task);
  const how = howOf(finish);
  const record = finish.outcome === 'requeue' || how === DONE ? null : finish.record;
  const [delayMs, counts] =
    finish.outcome === 'retry' ? [finish.delayMs, finish.countsAsFailure] : [0, false];
  return [
    how,
    queue,
    seq,
    task.token,
    parts,
    task.attempt,
    record && encodeAttempt(record),
    record?.error?.message ?? null,
    delayMs,
    counts ? 1 : 0,
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
  const { names, places } = placesOf(finishes.map(({ task }) => task.queue));
  const rows = finishes.map((finish, i) => finishRow(finish, places[i]!));
  const data = { finishedQueues: names, finishes: rows, queues, shares, room, leaseMs, worker };
  return { data, bytes: finishes.map((one) => (one.outcome === 'succeeded' ? one.result : null)) };
}

interface Common {
  readonly queue: string;
  readonly token: number;
}

function leasedTask(row: LeasedRow, payload: Bytes, { queue, token }: Common): LeasedTask {
  const [seq, id, type, maxRetries, retried, timeoutMs, deadlineMs, retentionMs, attempt, ...rest] = row;
  const [crashes, pendingSinceMs, parts, meta, headers] = rest;
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
    source: { seq, parts } satisfies Source,
  };
}

function exchangeOutcome(
  { data, bytes, rows }: ReplyOf<'exchange'>,
  queues: readonly string[],
): ExchangeOutcome {
  const { finished, token, taken } = data;
  const tasks: LeasedTask[] = [];
  for (const [place, count] of taken) {
    const common = { queue: queues[place]!, token };
    const end = tasks.length + count;
    for (let i = tasks.length; i < end; i += 1) tasks.push(leasedTask(rows[i]!, bytes[i] ?? null, common));
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
      return results.map(({ task }, i) => {
        const kept = (data[i] ?? 0) > 0;
        if (kept) sourceOf(task).parts |= HAS_BODY;
        return kept;
      });
    },
  };
}
