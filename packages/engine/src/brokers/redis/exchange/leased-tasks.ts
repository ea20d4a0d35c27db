import type { LeasedTask } from '../../../broker/consume.ts';
import { SECOND_MS } from '../../../protocol/go-time.ts';
import { encodeAttempt } from '../../../task/attempt-record.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { msOfNanoseconds } from '../scripts/inspect/queue-facts.ts';
import type { Fetched, OtherFinish, TakenRow } from '../scripts/consume/exchange.ts';
import { END } from '../scripts/lua.generated.ts';
import { takenAttemptState } from '../records/attempt-state.ts';
import { messageOrNull, payloadOf } from '../records/stored-message.ts';
import type { TaskSource } from './plan-finishes.ts';

/** A task that the script took, as its worker gets it; null if its message cannot be decoded. */
function decodeLeasedTask(queue: string, token: number, row: TakenRow): LeasedTask | null {
  const decoded = messageOrNull(row.message);
  if (!decoded) return null;
  const { message, repeats } = decoded;
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
    timeoutMs: message.timeout * SECOND_MS,
    deadlineMs: message.deadline * SECOND_MS,
    retentionMs: message.retention * SECOND_MS,
    // Go workers count in the message only, and retries only; our own counter does not know their attempts.
    attempt: Math.max(state.attempts, message.retried + state.crashes + 1),
    crashes: state.crashes,
    pendingSinceMs: msOfNanoseconds(row.pendingSince),
    meta,
    source,
  };
}

/** The rows of one queue, decoded. */
export interface DecodedRows {
  readonly queue: string;
  readonly tasks: readonly LeasedTask[];
  /** IDs without a task, and IDs of tasks whose message cannot be decoded. */
  readonly quarantined: readonly string[];
  /** Finishes that quarantine the latter at once. Their bytes stay as they are, for an operator to inspect. */
  readonly unreadable: readonly OtherFinish[];
}

function quarantineFinish(id: string, token: number, nowMs: number): OtherFinish {
  const error = { class: 'undecodable', message: 'the stored message cannot be decoded' };
  const record = { number: 1, startedMs: nowMs, finishedMs: nowMs, outcome: 'failed', error } as const;
  return {
    id,
    token,
    endCode: END.quarantine,
    line: encodeAttempt(record),
    isWhole: 0,
    message: '',
    retentionOrDelay: 0,
    lock: '',
    resultOrStack: '',
  };
}

/** Decodes the rows of one queue; `nowMs` is when unreadable tasks are said to have failed. */
export function decodeRows({ queue, token, rows, dropped }: Fetched, nowMs: number): DecodedRows {
  const tasks: LeasedTask[] = [];
  const quarantined = [...dropped];
  const unreadable: OtherFinish[] = [];
  for (const row of rows) {
    const task = decodeLeasedTask(queue, token, row);
    if (task) tasks.push(task);
    else {
      quarantined.push(row.id);
      unreadable.push(quarantineFinish(row.id, token, nowMs));
    }
  }
  return { queue, tasks, quarantined, unreadable };
}
