// The inspect facet on Redis. Each queue is read atomically. Many queues take several calls, so the figures of different
// queues may be some milliseconds apart.
import { storedTaskId } from '@task-center/model';
import { MAX_PAGE } from '../../../broker/bounds.ts';
import type { FoundTask, Inspect, ListRequest, TaskPage, TaskRecord } from '../../../broker/inspect.ts';
import { shown, TaskCenterError } from '../../../errors/task-center-error.ts';
import { QUEUES_KEY } from '../../../protocol/keys.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { mapBounded } from '../../../runtime/map-bounded.ts';
import { MAX_AT_ONCE, partsOf, runOverQueues } from '../calls/over-queues.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { askInBatches } from '../calls/batches.ts';
import {
  cancelRequested,
  find,
  type FindCall,
  type FoundRow,
  haveHeld,
  type ListCursor,
  type ListPageCall,
  memory,
  pageOfList,
  pageOfSet,
  type SetCursor,
  type SetPageCall,
  task,
} from '../scripts/inspect/table.ts';
import { readDayCounts } from '../records/day-counts.ts';
import { groupSizes } from './groups.ts';
import { readLog } from './notes.ts';
import { queueFacts } from '../scripts/inspect/queue-facts.ts';
import { textOf } from '../scripts/reply.ts';
import type { TaskRow } from '../scripts/inspect/task-row.ts';
import { taskRecord } from '../records/task-record.ts';

/** Encodes a cursor as JSON in base64url, which is opaque to callers. */
function cursorText(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** Decodes a cursor. @throws TaskCenterError `invalid-value` for one that was not made for this kind of list */
function cursorValue(cursor: string, isValid: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (isValid(value)) return value;
  } catch {
    // Not a cursor of ours: reported below.
  }
  throw new TaskCenterError('invalid-value', {
    name: 'cursor',
    got: shown(cursor),
    expected: 'the cursor of an earlier page of the same list',
  });
}

/** The cursor of a list: IDs at the end of the previous page, and the place where it ended. */
const isListCursor = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  const { passed, ids } = value as Partial<ListCursor>;
  if (!Number.isSafeInteger(passed) || (passed as number) < 0) return false;
  return Array.isArray(ids) && ids.length <= 10 && ids.every((item) => typeof item === 'string');
};

/** A score as Redis writes it. */
const SCORE = /^-?(\d[\d.e+-]*|inf)$/;

/** The cursor of a sorted set: score and ID of the last entry of the previous page. */
const isSetCursor = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return false;
  const { score, id } = value as Partial<SetCursor>;
  return typeof id === 'string' && typeof score === 'string' && SCORE.test(score);
};

/** The task if its own business makes this stored ID from the plain ID; else nothing. A stored ID alone may be ambiguous. */
function matchBusiness({ queue, id, meta }: FoundRow, plainId: string): FoundTask[] {
  const business = decodeMeta(meta).business ?? null;
  return id === storedTaskId(plainId, business) ? [{ queue, id, business }] : [];
}

/** Queues in one call of a script that reads them: such a call takes a millisecond. */
const READ_AT_ONCE = 128;

/** The rows of all queues, in their order. A call stops early where queues have many businesses; the next one goes on there. */
async function findRows(client: RedisClient, call: FindCall): Promise<FoundRow[]> {
  const { queues } = call;
  if (client.isClustered) {
    const found = await mapBounded(queues, MAX_AT_ONCE, (queue) =>
      client.run(find, { ...call, queues: [queue] }),
    );
    return found.flatMap(({ rows }) => rows);
  }
  const found: FoundRow[] = [];
  for (let from = 0; from < queues.length;) {
    const part = queues.slice(from, from + READ_AT_ONCE);
    const { searched, rows } = await client.run(find, { ...call, queues: part });
    found.push(...rows);
    from += Math.max(1, searched);
  }
  return found;
}

/** The tasks of a page. The scripts go by the ID; a task of Go may have one that looks like that of a business. */
function tasksOf(queue: string, rows: readonly TaskRow[], businesses: readonly string[]): TaskRecord[] {
  const tasks = rows.map((row) => taskRecord(queue, row));
  return businesses.length === 0
    ? tasks
    : tasks.filter(({ meta }) => meta.business !== undefined && businesses.includes(meta.business));
}

/** Which queues ever held a task of one of the businesses. Few calls are under way: see `runOverQueues`. */
async function whichHeld(
  client: RedisClient,
  queues: readonly string[],
  businesses: readonly string[],
): Promise<boolean[]> {
  const parts = partsOf(queues, client.isClustered ? 1 : READ_AT_ONCE);
  const held = await mapBounded(parts, client.isClustered ? MAX_AT_ONCE : 2, (part) =>
    client.run(haveHeld, { queues: part, businesses }),
  );
  return held.flat();
}

/**
 * A page of a state whose index is a Redis list. Tasks leave a list at its end, which shifts all positions. So the cursor is
 * the last IDs of a page, and the next page begins after the first of them that is still in the list. The place where the page
 * ended is only where the search begins.
 */
async function listPage(
  { client }: RedisDeps,
  { queue, limit, cursor, businesses = [] }: ListRequest,
  state: ListPageCall['state'],
): Promise<TaskPage> {
  const after = cursor === null ? null : (cursorValue(cursor, isListCursor) as ListCursor);
  const call = { queue, state, limit, after, businesses };
  const { total, more, last, rows, scanned, readMs } = await client.run(pageOfList, call);
  const tasks = tasksOf(queue, rows, businesses);
  return { tasks, cursor: more ? cursorText(last) : null, total, scanned, readMs };
}

/**
 * A page of a state whose index is a sorted set. The cursor is the score and ID of a page's last entry. It marks the place
 * even if that entry has left the set.
 */
async function setPage(
  { client }: RedisDeps,
  { queue, limit, cursor, group = '', businesses = [] }: ListRequest,
  state: SetPageCall['state'],
): Promise<TaskPage> {
  const after = cursor === null ? null : (cursorValue(cursor, isSetCursor) as SetCursor);
  const call = { queue, state, limit, after, group, businesses };
  const { total, more, last, rows, scanned, readMs } = await client.run(pageOfSet, call);
  const tasks = tasksOf(queue, rows, businesses);
  // Scores are whole seconds, and members of equal score are ordered by ID: sort the page by exact times.
  if (state === 'scheduled' || state === 'retry') tasks.sort((a, b) => (a.dueMs ?? 0) - (b.dueMs ?? 0));
  return { tasks, cursor: more ? cursorText(last) : null, total, scanned, readMs };
}

/** The names in Asynq's set of all queues, sorted. Some of these queues may have no tasks. */
async function queueNames({ client }: RedisDeps): Promise<string[]> {
  const names = (await client.command(['SMEMBERS', QUEUES_KEY])) as Iterable<unknown>;
  return Array.from(names, textOf).sort();
}

/** Reading queues and tasks. */
export function createInspect(deps: RedisDeps): Inspect {
  const { client } = deps;

  return {
    queues: () => queueNames(deps),
    exists: async (queue) => (await client.command(['SISMEMBER', QUEUES_KEY, queue])) === 1,
    haveHeld: (queues, businesses) => whichHeld(client, queues, businesses),
    queueFacts: (queues) => runOverQueues(client, queueFacts, { queues, perCall: READ_AT_ONCE }),
    history: (queue, days) => readDayCounts(deps, queue, days),
    memoryUsage: (queue) => client.run(memory, queue),
    groups: (queue) => groupSizes(deps, queue),
    async task(ref) {
      const row = await client.run(task, ref);
      return row && taskRecord(ref.queue, row);
    },
    log: (ref) => readLog(client, ref),
    cancelRequested: (refs) =>
      askInBatches(refs, { queueOf: ({ queue }) => queue }, (queue, batch) =>
        client.run(cancelRequested, { queue, ids: batch.map(({ id }) => id) }),
      ),
    list(request) {
      const { state } = request;
      const bounded = { ...request, limit: Math.min(Math.max(1, request.limit), MAX_PAGE) };
      return state === 'pending' || state === 'active'
        ? listPage(deps, bounded, state)
        : setPage(deps, bounded, state);
    },
    async find(queues, id, filter) {
      const rows = await findRows(client, { queues, id, filter });
      return rows.flatMap((row) => matchBusiness(row, id));
    },
  };
}
