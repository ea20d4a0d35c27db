import type { QueryOf, TaskPart } from '@task-center/api';
import { storedQueue, type ListedState, type TaskKind, type TaskRecord } from '@task-center/engine';
import { requireQueue, seesBusiness } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import { presentTask } from '../present/task.ts';
import { readCursor, writeCursor, type ListPosition } from './cursor.ts';

type ListCall = Call<'listTasks'>;

const KINDS: readonly TaskKind[] = ['callback', 'handler'];
const kindsOf = ({ kind }: QueryOf<'listTasks'>) => (kind === undefined ? KINDS : [kind]);

interface Read {
  readonly records: readonly TaskRecord[];
  /** Where to go on; null = that was all. */
  readonly next: ListPosition | null;
}

/** Up to `limit` tasks, one kind after the other. */
async function read({ query, deps }: ListCall, from: ListPosition): Promise<Read> {
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
    // A short page with a cursor: the broker stopped early, and so does this one.
    if (cursor !== null) return { records, next: { kind, cursor } };
  }
}

async function total({ query, deps, principal }: ListCall): Promise<number | null> {
  if (principal.businesses !== null) return null;
  const places = kindsOf(query).map((kind) => storedQueue(query.queue, kind));
  const facts = await deps.broker.inspect.queueFacts(places);
  return facts.reduce((sum, { counts }) => sum + counts[query.state as ListedState], 0);
}

/** `GET /v1/tasks`: a key with businesses sees theirs only, on pages that may be short. */
export async function listTasks(call: ListCall): Promise<Reply> {
  const { query, principal, deps } = call;
  requireQueue(principal, query.queue);
  const bound = [principal.keyId, query.queue, query.state, query.kind ?? ''];
  const nowMs = deps.runtime.clock.wallMs();
  const from =
    query.cursor === undefined ? { kind: 0, cursor: null } : readCursor(query.cursor, bound, nowMs);
  const { records, next } = await read(call, from);
  const shown = new Set<TaskPart>(query.include ?? []);
  const mine = records.filter(({ meta }) => seesBusiness(principal, meta.business ?? null));
  return {
    body: {
      data: mine.map((record) => presentTask(record, shown)),
      next_cursor: next && writeCursor(next, bound, nowMs),
      total: await total(call),
      scanned: records.length,
    },
  };
}
