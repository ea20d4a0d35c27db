// The inspect facet on the main thread: requests of the writer thread, and the records made of its rows.
import type { ListedState } from '@task-center/model';
import type { FoundTask, Inspect, ListRequest, QueueFacts, TaskRecord } from '../../../../broker/inspect.ts';
import { shown, TaskCenterError } from '../../../../errors/task-center-error.ts';
import { decodeAttempts } from '../../../../task/attempt-record.ts';
import { decodeMeta } from '../../../../task/meta.ts';
import type { FactsRow, PageCursor, RecordRow } from '../../thread/facets/inspect.ts';
import { plain, type Bytes } from '../../packing.ts';
import { IN_SET, STATES, type StateNumber } from '../../states.ts';
import type { Writer } from '../writer.ts';

/** Tasks on one page of a list. */
const MAX_PAGE = 500;

const numberOf = (state: ListedState): StateNumber => STATES.indexOf(state) as StateNumber;

/** Names the counts. Tasks in aggregation sets are not counted, as in Asynq. */
function queueFacts(queue: string, { counts, ...row }: FactsRow): QueueFacts {
  const countByState = Object.fromEntries(
    STATES.slice(0, IN_SET).map((state, index) => [state, counts[index] ?? 0]),
  );
  return { queue, counts: countByState as QueueFacts['counts'], ...row };
}

/** Null stays null. */
const parseJson = (text: unknown): unknown => (typeof text === 'string' ? JSON.parse(text) : null);

/** The times of a task. What its column `at` means depends on its state. */
function timesOf(row: RecordRow): Pick<TaskRecord, 'dueMs' | 'pendingSinceMs' | 'finishedMs' | 'expiresMs'> {
  const state = STATES[row.state as StateNumber];
  const isFinal = state === 'completed' || state === 'cancelled' || state === 'archived';
  return {
    dueMs: state === 'scheduled' || state === 'retry' ? Number(row.at) : null,
    pendingSinceMs: state === 'pending' ? (row.pending_since_ms as number | null) : null,
    finishedMs: isFinal ? (row.finished_ms as number | null) : null,
    expiresMs: state === 'completed' || state === 'cancelled' ? Number(row.at) : null,
  };
}

function lastErrorOf({ last_error: message, failed_ms: atMs }: RecordRow): TaskRecord['lastError'] {
  return message === null ? null : { message: String(message), atMs: atMs as number | null };
}

/** A task as inspectors see it, from its row and the two items of bytes that belong to it. */
export function taskRecord(queue: string, row: RecordRow, [payload, result]: readonly Bytes[]): TaskRecord {
  return {
    queue,
    id: String(row.id),
    state: STATES[row.state as StateNumber],
    type: String(row.type),
    payload: payload ?? null,
    headers: (parseJson(row.headers) ?? {}) as Record<string, string>,
    maxRetries: Number(row.max_retries),
    retried: Number(row.retried),
    timeoutMs: Number(row.timeout_ms),
    deadlineMs: Number(row.deadline_ms),
    retentionMs: Number(row.retention_ms),
    group: row.in_group as string | null,
    meta: decodeMeta(row.meta as string | null),
    attempt: Number(row.attempts),
    crashes: Number(row.crashes),
    deferrals: Number(row.deferrals),
    ...timesOf(row),
    startedMs: row.started_ms as number | null,
    worker: row.worker as string | null,
    orphaned: row.leaseIsOver,
    lastError: lastErrorOf(row),
    result: result ?? null,
    cancelled: parseJson(row.cancel) as TaskRecord['cancelled'],
    attempts: decodeAttempts(row.attemptRecords.join('\n')),
  };
}

/** The text of a page cursor for callers: `<at>_<seq>`. */
const encodeCursor = (cursor: PageCursor | null): string | null => cursor && cursor.join('_');

/** @throws TaskCenterError `invalid-value` */
function decodeCursor(cursor: string | null): PageCursor | null {
  if (cursor === null) return null;
  const [, at, seq] = /^(-?\d{1,16})_(\d{1,16})$/.exec(cursor) ?? [];
  if (at !== undefined && seq !== undefined) return [Number(at), Number(seq)];
  const expected = 'the cursor of an earlier page of this list';
  throw new TaskCenterError('invalid-value', { name: 'cursor', got: shown(cursor), expected });
}

async function list(writer: Writer, { queue, state, limit, cursor, group }: ListRequest) {
  const after = decodeCursor(cursor);
  const pageSize = Math.max(1, Math.min(limit, MAX_PAGE));
  const { data, bytes } = await writer.run(
    'list',
    plain({ queue, state: numberOf(state), limit: pageSize, after, group: group ?? null }),
  );
  const tasks = data.rows.map((row, index) => taskRecord(queue, row, bytes.slice(2 * index, 2 * index + 2)));
  return { tasks, cursor: encodeCursor(data.next), total: data.total };
}

export function createInspect(writer: Writer): Inspect {
  return {
    queues: async () => [...(await writer.run('queues', plain(null))).data],

    exists: async (queue) => (await writer.run('exists', plain({ queue }))).data,

    async queueFacts(queues) {
      const { data } = await writer.run('queueFacts', plain(queues));
      return data.map((row, index) => queueFacts(queues[index]!, row));
    },

    async history(queue, days) {
      const { data } = await writer.run('history', plain({ queue, days }));
      return data.map(([day, processed, failed]) => ({ day, processed, failed }));
    },

    memoryUsage: async (queue) => (await writer.run('memoryUsage', plain({ queue }))).data,

    async groups(queue) {
      const { data } = await writer.run('groups', plain({ queue }));
      return data.map(([group, size]) => ({ group, size }));
    },

    async task({ queue, id }) {
      const { data, bytes } = await writer.run('task', plain({ queue, id }));
      return data && taskRecord(queue, data, bytes);
    },

    list: (request) => list(writer, request),

    async find(queues, id, filter) {
      const { data } = await writer.run('find', plain({ queues, id }));
      const found = data.map(([queue, stored, business]): FoundTask => ({ queue, id: stored, business }));
      return 'any' in filter ? found : found.filter(({ business }) => business === filter.business);
    },
  };
}
