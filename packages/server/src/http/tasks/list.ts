/** `GET /v1/tasks`: the tasks of a logical queue in one state, page by page. */
import type { TaskPart } from '@task-center/api';
import { control } from '@task-center/engine';
import { requireQueueAccess, seesBusiness } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import { presentTask } from './present.ts';
import { readCursor, writeCursor } from './cursor.ts';

/**
 * `GET /v1/tasks`. A key with businesses sees only their tasks. The tasks of others are filtered out after a page was read,
 * so a page may be short or empty although `next_cursor` is there.
 */
export async function listTasks({ query, principal, deps }: Call<'listTasks'>): Promise<Reply> {
  requireQueueAccess(principal, query.queue);
  const cursorScope = [principal.keyId, query.queue, query.state, query.kind ?? ''];
  const nowMs = deps.runtime.clock.wallMs();
  const from = query.cursor === undefined ? control.LIST_START : readCursor(query.cursor, cursorScope, nowMs);
  const { records, next } = await control.listLogicalTasks(deps.broker, query, { limit: query.limit, from });
  const parts = new Set<TaskPart>(query.include ?? []);
  const visible = records.filter(({ meta }) => seesBusiness(principal, meta.business ?? null));
  // Keys with businesses must not learn of others' tasks.
  const total = principal.businesses === null ? await control.countLogicalTasks(deps.broker, query) : null;
  return {
    body: {
      data: visible.map((record) => presentTask(record, parts)),
      next_cursor: next && writeCursor(next, cursorScope, nowMs),
      total,
      scanned: records.length,
    },
  };
}
