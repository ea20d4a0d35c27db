/**
 * Finds the task that a call names. An ID alone may fit several tasks: IDs are unique per queue, kind and business. The
 * caller's scope is applied to every step, and a foreign task answers exactly like one that does not exist.
 */
import type { QueryOf } from '@task-center/api';
import {
  BUILT_IN_QUEUES,
  logicalQueue,
  storedQueues,
  type FoundTask,
  type TaskKind,
  type TaskRecord,
} from '@task-center/engine';
import { seesBusiness, seesQueue, type Principal } from '../../auth/principal.ts';
import type { Call } from '../call.ts';
import { ProblemError } from '../../problem.ts';

type TaskQuery = QueryOf<'cancelTask'>;

/** The fields of a call that finding its task needs. */
export type TaskCall = Pick<Call<'cancelTask'>, 'params' | 'principal' | 'deps'> & {
  readonly query: TaskQuery;
};

export const notFound = () =>
  new ProblemError('not-found', 'There is no such task, or the key may not see it.');

/** The stored queues to search, within the key's scope. */
async function queuesToSearch({ query, principal, deps }: TaskCall): Promise<string[]> {
  const candidates =
    query.queue === undefined
      ? [...new Set([...(await deps.broker.inspect.queues()), ...BUILT_IN_QUEUES.flatMap(storedQueues)])]
      : [...storedQueues(query.queue)];
  return candidates.filter((stored) => {
    const { name, kind } = logicalQueue(stored);
    return (query.kind === undefined || query.kind === kind) && seesQueue(principal, name);
  });
}

/** All tasks with this ID that the key may see. A known business makes the search a direct look-up. */
async function findVisible(call: TaskCall): Promise<FoundTask[]> {
  const { query, principal, deps } = call;
  const only =
    query.business_id ?? (principal.businesses?.length === 1 ? principal.businesses[0] : undefined);
  const filter = only === undefined ? ({ any: true } as const) : { business: only };
  const queues = await queuesToSearch(call);
  const found = queues.length === 0 ? [] : await deps.broker.inspect.find(queues, call.params.id, filter);
  return found.filter(({ business }) => seesBusiness(principal, business));
}

interface Hit {
  readonly queue: string;
  readonly kind: TaskKind;
  readonly business_id: string | null;
}

const hitOf = ({ queue, business }: FoundTask): Hit => {
  const { name, kind } = logicalQueue(queue);
  return { queue: name, kind, business_id: business };
};

/**
 * The stored queue and ID of the task that a call names.
 *
 * @throws ProblemError `not-found`, `task-id-ambiguous`
 */
export async function locate(call: TaskCall): Promise<FoundTask> {
  const [hit, ...others] = await findVisible(call);
  if (hit === undefined) throw notFound();
  if (others.length === 0) return hit;
  throw new ProblemError(
    'task-id-ambiguous',
    'Several tasks have this ID. Add queue, kind or business_id to pick one.',
    {
      extra: { hits: [hit, ...others].map(hitOf) },
    },
  );
}

/** The record of the task that a call names. Rejects like `locate`. */
export async function findTask(call: TaskCall): Promise<TaskRecord> {
  const found = await locate(call);
  const record = await call.deps.broker.inspect.task({ queue: found.queue, id: found.id });
  if (record === null || !isVisible(record, call.principal)) throw notFound();
  return record;
}

/** Checked again on the record: between search and read, another task may have taken the ID. */
function isVisible(record: TaskRecord, principal: Principal): boolean {
  return seesBusiness(principal, record.meta.business ?? null);
}
