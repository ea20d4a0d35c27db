/** `GET /v1/tasks`: the tasks of a logical queue in one state, page by page. */
import { control } from '@task-center/engine';
import { requireQueueAccess, seesBusiness } from '../../auth/principal.ts';
import type { Call } from '../call.ts';
import { presentTask, stacksFor } from './present.ts';
import { readCursor, writeCursor, type CursorContext } from './cursor.ts';

type ListCall = Call<'listTasks'>;

/** The page that a call asks for. */
async function readPage({ query, principal, deps }: ListCall, context: () => Promise<CursorContext>) {
  const { businesses } = principal;
  const from = query.cursor === undefined ? control.LIST_START : readCursor(query.cursor, await context());
  // A queue that never held a task of theirs looks as one that does not exist, however many tasks others have in it.
  if (businesses !== null && !(await control.mayHoldTasksOf(deps.broker, query.queue, businesses)))
    return { records: [], next: null, scanned: 0 };
  const { clock } = deps.runtime;
  return control.listLogicalTasks(deps.broker, { ...query, businesses }, { limit: query.limit, from, clock });
}

/** `GET /v1/tasks`. A key with businesses sees only their tasks, and no figures that would tell how many others have. */
export async function listTasks(call: ListCall) {
  const { query, principal, deps } = call;
  requireQueueAccess(principal, query.queue);
  const context = async (): Promise<CursorContext> => ({
    key: await deps.broker.cursorKey(),
    scope: [principal.keyId, query.queue, query.state, query.kind ?? ''],
    nowMs: deps.runtime.clock.wallMs(),
  });
  const { records, next, scanned } = await readPage(call, context);
  const parts = new Set([...(query.include ?? []), ...stacksFor(principal)]);
  const visible = records.filter(({ meta }) => seesBusiness(principal, meta.business ?? null));
  const isBound = principal.businesses !== null;
  return {
    body: {
      data: visible.map((record) => presentTask(record, parts)),
      next_cursor: next && writeCursor(next, await context()),
      total: isBound ? null : await control.countLogicalTasks(deps.broker, query),
      scanned: isBound ? null : scanned,
    },
  };
}
