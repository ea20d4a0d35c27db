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

type Pick_ = QueryOf<'cancelTask'>;

/** What looking for one task needs of a call. */
export type TaskCall = Pick<Call<'cancelTask'>, 'params' | 'principal' | 'deps'> & { readonly query: Pick_ };

export const notFound = () =>
  new ProblemError('not-found', 'There is no such task, or it is not yours to see.');

async function placesOf({ query, principal, deps }: TaskCall): Promise<string[]> {
  const all =
    query.queue === undefined
      ? [...new Set([...(await deps.broker.inspect.queues()), ...BUILT_IN_QUEUES.flatMap(storedQueues)])]
      : [...storedQueues(query.queue)];
  return all.filter((stored) => {
    const { name, kind } = logicalQueue(stored);
    return (query.kind === undefined || query.kind === kind) && seesQueue(principal, name);
  });
}

/** Of one business where that is asked for or all the key has; else of any, sorted out afterwards. */
async function hitsOf(call: TaskCall): Promise<FoundTask[]> {
  const { query, principal, deps } = call;
  const only =
    query.business_id ?? (principal.businesses?.length === 1 ? principal.businesses[0] : undefined);
  const filter = only === undefined ? ({ any: true } as const) : { business: only };
  const places = await placesOf(call);
  const found = places.length === 0 ? [] : await deps.broker.inspect.find(places, call.params.id, filter);
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
 * Where the one task is that a call means, wherever its caller may see.
 *
 * @throws ProblemError `not-found`, `task-id-ambiguous`
 */
export async function locate(call: TaskCall): Promise<FoundTask> {
  const [hit, ...others] = await hitsOf(call);
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

/** The task that a call means. Rejects as `locate`. */
export async function findTask(call: TaskCall): Promise<TaskRecord> {
  const found = await locate(call);
  const record = await call.deps.broker.inspect.task({ queue: found.queue, id: found.id });
  if (record === null || !ownedBy(record, call.principal)) throw notFound();
  return record;
}

/** Whether the record, as it was read, is one that the key may see. */
function ownedBy(record: TaskRecord, principal: Principal): boolean {
  return seesBusiness(principal, record.meta.business ?? null);
}
