/** Which schedules a call may see: those of the key's queues and businesses. All others look as if they did not exist. */
import { itemAt } from '@task-center/api';
import { control, isTaskCenterError, logicalQueue, type Broker } from '@task-center/engine';
import { storedQueues } from '@task-center/model';
import { requireQueueAccess, seesBusiness, seesQueue, type Principal } from '../../auth/principal.ts';
import { invalid, scheduleNotFound } from '../../problem.ts';
import type { AppDeps } from '../deps.ts';

/** A call that names a schedule. */
export interface ScheduleCall {
  readonly params: { readonly id: string };
  readonly query: { readonly business_id?: string | undefined };
  readonly principal: Principal;
  readonly deps: Pick<AppDeps, 'broker'>;
}

/**
 * The name of the schedule: the business is that of the query, or the only one of the key.
 *
 * @throws ProblemError `not-found` the key does not have that business; `validation-failed` it has several
 */
export function addressOf({ params, query, principal }: ScheduleCall): Required<control.ScheduleAddress> {
  const { businesses } = principal;
  const [first = null, ...others] = businesses ?? [];
  const { id } = params;
  if (query.business_id === undefined && others.length > 0) {
    const message = 'is required: the key has several businesses';
    const details = { code: 'required', message, got: null };
    throw invalid([itemAt({ location: 'parameter', basePath: [] }, ['business_id'], details)]);
  }
  const businessId = query.business_id ?? first;
  if (!seesBusiness(principal, businessId)) throw scheduleNotFound();
  return { id, businessId };
}

/** Whether a key sees what is in a stored queue. */
export const seesStored =
  (principal: Principal) =>
  (queue: string): boolean =>
    seesQueue(principal, logicalQueue(queue).name);

/** The schedule that a call names. @throws ProblemError `not-found`, `validation-failed` */
export async function findSchedule(call: ScheduleCall): Promise<control.ScheduleInfo> {
  const requireQueue = (queue: string) => {
    if (!seesStored(call.principal)(queue)) throw scheduleNotFound();
  };
  try {
    const info = await control.getSchedule(call.deps.broker, addressOf(call));
    requireQueue(info.queue);
    return info;
  } catch (error) {
    if (isTaskCenterError(error, 'schedule-unreadable')) requireQueue(error.details.queue);
    throw error;
  }
}

/** Refuses a schedule that the key does not see. One that cannot be read passes: its queue is known all the same. */
export async function requireSeen(call: ScheduleCall): Promise<void> {
  try {
    await findSchedule(call);
  } catch (error) {
    if (!isTaskCenterError(error, 'schedule-unreadable')) throw error;
  }
}

/**
 * The stored queues whose schedules a key may see, or those of one queue.
 *
 * @throws ProblemError `forbidden`
 */
export async function visibleQueues(
  broker: Broker,
  principal: Principal,
  only?: string,
): Promise<readonly string[]> {
  if (only === undefined) {
    const queues = await broker.inspect.queues();
    return queues.filter(seesStored(principal));
  }
  requireQueueAccess(principal, only);
  return storedQueues(only);
}

/** The businesses that a list is limited to: those of the key, or one of them; null = any and none. */
export function listedBusinesses({ businesses }: Principal, only?: string): readonly string[] | null {
  if (only === undefined) return businesses;
  return businesses === null || businesses.includes(only) ? [only] : [];
}
