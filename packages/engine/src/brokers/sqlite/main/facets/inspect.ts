// The inspect facet on the main thread: requests of the writer thread, and the records made of its rows.
import { MAX_PAGE } from '../../../../broker/bounds.ts';
import { waitOf } from '../../../../broker/given-back.ts';
import type { Inspect, ListRequest, QueueFacts, TaskRecord } from '../../../../broker/inspect.ts';
import { shown, TaskCenterError } from '../../../../errors/task-center-error.ts';
import { decodeAttempts } from '../../../../task/attempt-record.ts';
import { decodeLines, decodeProgress } from '../../../../task/task-notes.ts';
import { decodeMeta } from '../../../../task/meta.ts';
import type { FactsRow } from '../../thread/facets/inspect.ts';
import type { PageCursor, RecordRow } from '../../thread/facets/records.ts';
import { plain, type Bytes } from '../../packing.ts';
import { AGGREGATING, IN_SET, numberOfState, STATES } from '../../states.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** Names the counts. */
function toQueueFacts(queue: string, { counts, ...row }: FactsRow): QueueFacts {
  const countByState = Object.fromEntries(
    // Members of a set that is being aggregated are still aggregating.
    STATES.slice(0, IN_SET).map((state, index) => [
      state,
      (counts[index] ?? 0) + (index === AGGREGATING ? (counts[IN_SET] ?? 0) : 0),
    ]),
  );
  return { queue, counts: countByState as QueueFacts['counts'], ...row };
}

/** The value of a column with JSON. Null stays null. */
const parseJson = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

/** The times of a task. What its column `at` means depends on its state. */
function timesOf(row: RecordRow): Pick<TaskRecord, 'dueMs' | 'pendingSinceMs' | 'finishedMs' | 'expiresMs'> {
  const state = STATES[row.state];
  const isFinal = state === 'completed' || state === 'cancelled' || state === 'archived';
  return {
    dueMs: state === 'scheduled' || state === 'retry' ? row.at : null,
    pendingSinceMs: state === 'pending' ? row.pendingSinceMs : null,
    finishedMs: isFinal ? row.finishedMs : null,
    expiresMs: state === 'completed' || state === 'cancelled' ? row.at : null,
  };
}

/** A task as inspectors see it, from its row and the two items of bytes that belong to it. */
function toTaskRecord(queue: string, row: RecordRow, [payload, result]: readonly Bytes[]): TaskRecord {
  const {
    state,
    at: _at,
    meta,
    headers,
    lastError,
    failedMs,
    cancel,
    progress,
    attemptRecords,
    attemptStacks,
    leaseIsOver,
    ...same
  } = row;
  return {
    ...same,
    queue,
    state: STATES[state],
    payload: payload ?? null,
    headers: (parseJson(headers) ?? {}) as Record<string, string>,
    meta: decodeMeta(meta),
    waitingFor: waitOf(STATES[state], same.waitingFor),
    ...timesOf(row),
    orphaned: leaseIsOver,
    lastError: lastError === null ? null : { message: lastError, atMs: failedMs },
    result: result ?? null,
    cancelled: parseJson(cancel) as TaskRecord['cancelled'],
    progress: decodeProgress(progress),
    attempts: decodeAttempts(attemptRecords.join('\n'), attemptStacks),
  };
}

/** The tasks of a page. Each row has two items of bytes. */
export const toTaskRecords = (
  queue: string,
  rows: readonly RecordRow[],
  bytes: readonly Bytes[],
): TaskRecord[] => rows.map((row, index) => toTaskRecord(queue, row, bytes.slice(2 * index, 2 * index + 2)));

/** The text of a page cursor for callers: `<at>_<seq>`. */
const encodeCursor = (cursor: PageCursor | null): string | null => cursor && `${cursor.at}_${cursor.seq}`;

/** @throws TaskCenterError `invalid-value` */
function decodeCursor(cursor: string | null): PageCursor | null {
  if (cursor === null) return null;
  const [, at, seq] = /^(-?\d{1,16})_(\d{1,16})$/.exec(cursor) ?? [];
  if (at !== undefined && seq !== undefined) return { at: Number(at), seq: Number(seq) };
  const expected = 'the cursor of an earlier page of this list';
  throw new TaskCenterError('invalid-value', { name: 'cursor', got: shown(cursor), expected });
}

/**
 * One page of a list. With large payloads it ends before `limit`. The cursor names the last task of the page, so tasks that
 * are added or removed do not shift the next page.
 */
async function list(writer: StoreCalls, { queue, state, limit, cursor, group, businesses }: ListRequest) {
  const call = {
    queue,
    state: numberOfState(state),
    limit: Math.max(1, Math.min(limit, MAX_PAGE)),
    businesses: businesses ?? null,
    after: decodeCursor(cursor),
    group: group ?? null,
  };
  const { data, bytes } = await writer.run('list', plain(call));
  return {
    tasks: toTaskRecords(queue, data.rows, bytes),
    cursor: encodeCursor(data.next),
    total: data.total,
    scanned: data.scanned,
    readMs: data.readMs,
  };
}

/** The thread reads rows, a page or a queue at a time. This side converts them to the records that people see. */
export function createInspect(writer: StoreCalls): Inspect {
  return {
    queues: () => writer.ask('queues', null),
    haveHeld: (queues, businesses) => writer.ask('haveHeld', { queues, businesses }),
    exists: (queue) => writer.ask('exists', { queue }),
    history: (queue, days) => writer.ask('history', { queue, days }),
    memoryUsage: (queue) => writer.ask('memoryUsage', { queue }),
    groups: (queue) => writer.ask('groups', { queue }),

    // One answer per queue, in their order.
    async queueFacts(queues) {
      const rows = await writer.ask('queueFacts', queues);
      return rows.map((row, index) => toQueueFacts(queues[index]!, row));
    },

    async task({ queue, id }) {
      const { data, bytes } = await writer.run('task', plain({ queue, id }));
      return data && toTaskRecord(queue, data, bytes);
    },

    // Lines are decoded here, as attempt records are: the thread never looks into them.
    async log({ queue, id }) {
      const found = await writer.ask('log', { queue, id });
      return found && { lines: decodeLines(found.lines), dropped: found.dropped };
    },

    // Callers may hand over whole tasks.
    cancelRequested: (refs) =>
      writer.ask(
        'cancelRequested',
        refs.map(({ queue, id }) => ({ queue, id })),
      ),

    list: (request) => list(writer, request),

    // The thread returns the tasks with this ID of all businesses. They are few, so they are filtered here.
    async find(queues, id, filter) {
      const found = await writer.ask('find', { queues, id });
      return 'any' in filter ? found : found.filter(({ business }) => business === filter.business);
    },
  };
}
