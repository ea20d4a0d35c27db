import type { LeasedTask } from '../../../broker/consume.ts';
import { decodeMessage, type DecodedMessage } from '../../../protocol/message.ts';
import { ProtocolError } from '../../../protocol/wire.ts';
import { encodeAttempt } from '../../../task/attempt-record.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { msOfNanoseconds } from '../scripts/inspect/queue-facts.ts';
import type { Fetched, OtherFinish, TakenRow } from '../scripts/consume/exchange.ts';
import { takenAttemptState } from '../records/attempt-state.ts';
import { payloadOf } from '../records/stored-meta.ts';
import type { TaskSource } from './plan-finishes.ts';

const S = 1_000;

/** The message, or null when its bytes are none. */
export function decoded(bytes: Uint8Array): DecodedMessage | null {
  try {
    return decodeMessage(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return null;
    throw error;
  }
}

/** A task that the script took, as its worker gets it; null when nobody can read its message. */
function leasedTask(queue: string, token: number, row: TakenRow): LeasedTask | null {
  const known = decoded(row.message);
  if (!known) return null;
  const { message, repeats } = known;
  const meta = decodeMeta(row.meta);
  const state = takenAttemptState(row.state);
  const source: TaskSource = { message, repeats, size: row.message.length };
  return {
    queue,
    id: row.id,
    token,
    type: message.type,
    payload: payloadOf(message.payload, row.meta),
    headers: message.headers,
    maxRetries: message.retry,
    retried: message.retried,
    timeoutMs: message.timeout * S,
    deadlineMs: message.deadline * S,
    retentionMs: message.retention * S,
    // A Go worker counts only retries, so what it ran is seen there alone.
    attempt: Math.max(state.attempts, message.retried + state.crashes + 1),
    crashes: state.crashes,
    pendingSinceMs: msOfNanoseconds(row.pendingSince),
    meta,
    source,
  };
}

/** What was found in a queue, sorted out. */
export interface Sorted {
  readonly queue: string;
  readonly tasks: readonly LeasedTask[];
  /** IDs without a task, and those whose message nobody can read. */
  readonly quarantined: readonly string[];
  /** How the latter end, at once: their bytes stay as they are for whoever looks. */
  readonly unreadable: readonly OtherFinish[];
}

function setAside(id: string, token: number, nowMs: number): OtherFinish {
  const error = { class: 'undecodable', message: 'the stored message cannot be decoded' };
  const record = { number: 1, startedMs: nowMs, finishedMs: nowMs, outcome: 'failed', error } as const;
  const message = { whole: false, bytes: '' };
  return { id, token, verb: 'u', line: encodeAttempt(record), message, number: 0, text: '', result: '' };
}

export function sortRows({ queue, token, rows, dropped }: Fetched, nowMs: number): Sorted {
  const tasks: LeasedTask[] = [];
  const quarantined = [...dropped];
  const unreadable: OtherFinish[] = [];
  for (const row of rows) {
    const task = leasedTask(queue, token, row);
    if (task) tasks.push(task);
    else {
      quarantined.push(row.id);
      unreadable.push(setAside(row.id, token, nowMs));
    }
  }
  return { queue, tasks, quarantined, unreadable };
}
