/** `GET /v1/tasks`: the tasks of a logical queue in one state, page by page. */
import type { QueryOf, TaskPart } from '@task-center/api';
import { storedQueue, type ListedState, type TaskKind, type TaskRecord } from '@task-center/engine';
import { requireQueue, seesBusiness } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import { presentTask } from './present.ts';
import { readCursor, writeCursor, type ListPosition } from './cursor.ts';

type ListCall = Call<'listTasks'>;

const KINDS: readonly TaskKind[] = ['callback', 'handler'];
const kindsOf = ({ kind }: QueryOf<'listTasks'>) => (kind === undefined ? KINDS : [kind]);

interface TaskPage {
  readonly records: readonly TaskRecord[];
  /** Where the next page starts; null = this is the last page. */
  readonly next: ListPosition | null;
}

/** Reads up to `limit` tasks, all of one kind before those of the next. */
async function readPage({ query, deps }: ListCall, from: ListPosition): Promise<TaskPage> {
  const kinds = kindsOf(query);
  const records: TaskRecord[] = [];
  let { kind, cursor } = from;
  for (;;) {
    const stored = storedQueue(query.queue, kinds[kind] as TaskKind);
    const limit = query.limit - records.length;
    const page = await deps.broker.inspect.list({ queue: stored, state: query.state, limit, cursor });
    records.push(...page.tasks);
    cursor = page.cursor;
    if (cursor === null) kind += 1;
    if (kind === kinds.length) return { records, next: null };
    if (records.length >= query.limit) return { records, next: { kind, cursor } };
    // The broker may return a short page with a cursor to bound its work: return it, do not read on.
    if (cursor !== null) return { records, next: { kind, cursor } };
  }
}

/** The number of tasks in the list; null for keys with businesses, which must not learn of others' tasks. */
async function countTotal({ query, deps, principal }: ListCall): Promise<number | null> {
  if (principal.businesses !== null) return null;
  const queues = kindsOf(query).map((kind) => storedQueue(query.queue, kind));
  const facts = await deps.broker.inspect.queueFacts(queues);
  return facts.reduce((sum, { counts }) => sum + counts[query.state as ListedState], 0);
}

/**
 * `GET /v1/tasks`. A key with businesses sees only their tasks. They are filtered out of each page after reading it, so its
 * pages may be short or empty while `next_cursor` is still there.
 */
export async function listTasks(call: ListCall): Promise<Reply> {
  const { query, principal, deps } = call;
  requireQueue(principal, query.queue);
  const bound = [principal.keyId, query.queue, query.state, query.kind ?? ''];
  const nowMs = deps.runtime.clock.wallMs();
  const from =
    query.cursor === undefined ? { kind: 0, cursor: null } : readCursor(query.cursor, bound, nowMs);
  const { records, next } = await readPage(call, from);
  const parts = new Set<TaskPart>(query.include ?? []);
  const visible = records.filter(({ meta }) => seesBusiness(principal, meta.business ?? null));
  return {
    body: {
      data: visible.map((record) => presentTask(record, parts)),
      next_cursor: next && writeCursor(next, bound, nowMs),
      total: await countTotal(call),
      scanned: records.length,
    },
  };
}
