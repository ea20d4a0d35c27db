/**
 * Finds the task that a call names. An ID alone may fit several tasks: IDs are unique per queue, kind and business. The
 * caller's scope is applied to every step, and a foreign task answers exactly like one that does not exist.
 */
import { limits, type QueryOf } from '@task-center/api';
import { control, logicalQueue, type TaskKind, type TaskRecord } from '@task-center/engine';
import { seesBusiness, seesQueue } from '../../auth/principal.ts';
import type { Call } from '../call.ts';
import { ProblemError, taskNotFound } from '../../problem.ts';

type TaskQuery = QueryOf<'cancelTask'>;

/** The fields of a call that finding its task needs. */
type TaskCall = Pick<Call<'cancelTask'>, 'params' | 'principal' | 'deps'> & {
  readonly query: TaskQuery;
};

/** All tasks with this ID that the key may see. A known business makes the search a direct look-up. */
async function findVisible({ query, params, principal, deps }: TaskCall): Promise<control.TaskMatch[]> {
  const only =
    query.business_id ?? (principal.businesses?.length === 1 ? principal.businesses[0] : undefined);
  const found = await control.findTasks(deps.broker, {
    id: params.id,
    queue: query.queue,
    kind: query.kind,
    filter: only === undefined ? { any: true } : { business: only },
    seesQueue: (name) => seesQueue(principal, name),
  });
  return found.filter(({ business }) => seesBusiness(principal, business));
}

interface Hit {
  readonly queue: string;
  readonly kind: TaskKind;
  readonly business_id: string | null;
}

const hitOf = ({ queue, business }: control.TaskMatch): Hit => {
  const { name, kind } = logicalQueue(queue);
  return { queue: name, kind, business_id: business };
};

/**
 * Where the task that a call names is stored.
 *
 * @throws ProblemError `not-found`, `task-id-ambiguous`
 */
export async function locate(call: TaskCall): Promise<control.LocatedTask> {
  const [hit, ...others] = await findVisible(call);
  if (hit === undefined) throw taskNotFound();
  if (others.length === 0) return hit;
  throw new ProblemError(
    'task-id-ambiguous',
    'Several tasks have this ID. Add queue, kind or business_id to pick one.',
    {
      extra: { hits: [hit, ...others].slice(0, limits.problemItems).map(hitOf) },
    },
  );
}

/** The record of the task that a call names. @throws ProblemError, TaskCenterError as `locate` and `getTask` */
export async function findTask(call: TaskCall): Promise<TaskRecord> {
  const record = await control.getTask(call.deps.broker, await locate(call));
  // Checked again on the record: between search and read, another task may have taken the ID.
  if (!seesBusiness(call.principal, record.meta.business ?? null)) throw taskNotFound();
  return record;
}
