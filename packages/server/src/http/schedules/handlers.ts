/**
 * Schedules: list, show, put, change, delete, pause, resume, run, preview; and their fires. Each handler finds the schedule first, with
 * what its key may see, and then calls a use case of the engine.
 */
import type { CheckedSchedule } from '@task-center/api';
import { control, isTaskCenterError, logicalQueue, type NewTask } from '@task-center/engine';
import { storedQueue } from '@task-center/model';
import { invalid } from '../../problem.ts';
import type { Call, Handlers, Reply } from '../call.ts';
import { RawPayload } from '../json-body.ts';
import { presentTask } from '../tasks/present.ts';
import { SINGLE_TASK_PARTS, submissionOf, tooManyQueues, withinQueueLimit } from '../tasks/submit.ts';
import { payloadOf } from '../submission/payload.ts';
import { merged } from '../validate.ts';
import { listFires, listScheduleFires, listSchedules, withFires } from './lists.ts';
import { presentPreview, presentSchedule } from './present.ts';
import {
  addressOf,
  findSchedule,
  requireSeen,
  seesStored,
  listedBusinesses,
  visibleQueues,
  type ScheduleCall,
} from './scope.ts';
import { movedSecrets, presentBody, scheduleToPut, settingsOf, withPlaces } from './submission.ts';

/** What PUT and PATCH have in common. */
type ChangeCall = Pick<
  Call<'putSchedule'>,
  'params' | 'query' | 'expects' | 'principal' | 'headers' | 'deps'
>;

/** One schedule is shown with its payload. */
const shown = (info: control.ScheduleInfo) => presentSchedule(info, { withPayload: true });

/** `GET /v1/schedules/{id}` */
async function getSchedule(call: Call<'getSchedule'>): Promise<Reply> {
  const info = await findSchedule(call);
  return { body: call.query.include === 'fires' ? await withFires(call.deps.broker, info) : shown(info) };
}

/** The body and the query may both name the business. @throws ProblemError `validation-failed`: another one each */
function withBusiness(
  { business_id, ...body }: CheckedSchedule,
  query: ScheduleCall['query'],
): CheckedSchedule {
  const named = query.business_id;
  if (named !== undefined && business_id && business_id !== named) {
    const message = 'differs from the one in the query: the business of a schedule never changes';
    throw invalid([{ pointer: '/business_id', code: 'contradiction', message, got: business_id }]);
  }
  return { ...body, business_id: business_id ?? named };
}

/** How a schedule is put. */
interface Putting {
  readonly body: CheckedSchedule;
  /** The versions that may be replaced. */
  readonly expects: control.VersionTest;
  /** Whether everything is checked and nothing is stored. Default: no. */
  readonly isDry?: boolean;
}

/**
 * Stores a schedule. Its queue counts as if a task were submitted to it: schedules must be no way around the limit of queues.
 */
async function put(call: ChangeCall, { body, expects, isDry = false }: Putting) {
  const { params, query, deps } = call;
  const input = scheduleToPut(
    { id: params.id, body: withBusiness(body, query), source: 'api' },
    submissionOf(call, []),
  );
  return withinQueueLimit(call, [input.task], async (refused) => {
    if (refused.size > 0) throw tooManyQueues(call, ['task']);
    try {
      const given = { ...input, expects, mayReplace: seesStored(call.principal) };
      return await (isDry ? control.checkSchedule : control.putSchedule)(deps.broker, given);
    } catch (error) {
      throw withPlaces(error);
    }
  });
}

/** Serves the queue at once, as after a submission: its first fire may be due before the next search for queues. */
function reportQueue({ deps }: Pick<ChangeCall, 'deps'>, { queue }: Pick<NewTask, 'queue'>): void {
  const { name, kind } = logicalQueue(queue);
  if (kind === 'callback') deps.addCallbackQueue(name);
}

/** `PUT /v1/schedules/{id}` */
async function putSchedule(call: Call<'putSchedule'>): Promise<Reply> {
  const { body, expects, query } = call;
  // Always 200: nothing was created. The queue is not reported either, as it may not exist.
  if (query.dry_run) return { body: shown((await put(call, { body, expects, isDry: true })).item) };
  const { item, isNew } = await put(call, { body, expects });
  reportQueue(call, item);
  return { status: isNew ? 201 : 200, body: shown(item) };
}

/** Each further try means that another caller was faster, and has succeeded. */
const MAX_TRIES = 32;

/**
 * `PATCH /v1/schedules/{id}`: reads, applies the patch, and stores the whole only if nobody came between. A caller that named no
 * version is not told of others: its patch is applied to what they left.
 */
async function patchSchedule(call: Call<'patchSchedule'>): Promise<Reply> {
  for (let tries = 1; ; tries += 1) {
    const before = await findSchedule(call);
    const { businessId } = before.spec;
    const body = merged('putSchedule', presentBody(before), call.body);
    const moved = movedSecrets(before, call.body, body);
    if (moved.length > 0) throw invalid(moved);
    const query = { business_id: businessId ?? undefined };
    const isSame: control.VersionTest = (version) => version === before.version && call.expects(version);
    try {
      return { body: shown((await put({ ...call, query }, { body, expects: isSame })).item) };
    } catch (error) {
      const isOvertaken = isTaskCenterError(error, 'version-mismatch') && call.expects(before.version);
      if (!isOvertaken || tries === MAX_TRIES) throw error;
    }
  }
}

/** The address of a schedule, once it is certain that the key sees it. The use cases know of no keys. */
async function changeable(call: ScheduleCall) {
  await findSchedule(call);
  return addressOf(call);
}

/** `DELETE /v1/schedules/{id}` */
async function deleteSchedule(call: Call<'deleteSchedule'>): Promise<Reply> {
  const { deps, expects } = call;
  // Not `changeable`: what cannot be read can still be removed.
  await requireSeen(call);
  await control.removeSchedule(deps.broker, addressOf(call), { expects, by: 'api' });
  return { status: 204 };
}

/** `POST /v1/schedules/{id}/pause` */
async function pauseSchedule(call: Call<'pauseSchedule'>): Promise<Reply> {
  const change = { reason: call.body.reason, by: 'api' } as const;
  return { body: shown(await control.pauseSchedule(call.deps.broker, await changeable(call), change)) };
}

/** `POST /v1/schedules/{id}/resume` */
async function resumeSchedule(call: Call<'resumeSchedule'>): Promise<Reply> {
  const address = await changeable(call);
  return { body: shown(await control.resumeSchedule(call.deps.broker, address, { by: 'api' })) };
}

/**
 * The first task of a run. It may have ended already and be gone, as with a retention of zero: then it is shown as it was made, because
 * the run itself succeeded.
 */
async function taskOfRun(call: ScheduleCall, info: control.ScheduleInfo, run: control.ManualRun) {
  const [id = ''] = run.storedIds;
  try {
    return await control.getTask(call.deps.broker, { queue: run.queue, id: run.ids[0] ?? '', storedId: id });
  } catch (error) {
    if (!isTaskCenterError(error, 'task-not-found')) throw error;
    const { spec } = info;
    const { task } = spec;
    const meta = {
      ...task.meta,
      origin: 'schedule',
      schedule: info.storedName,
      fireMs: run.fireMs,
      createdMs: run.fireMs,
      business: spec.businessId ?? undefined,
    };
    const rest = { deadlineMs: 0, payload: null, meta: meta as NewTask['meta'], state: 'completed' as const };
    return { ...task, ...rest, queue: run.queue, id };
  }
}

/** `POST /v1/schedules/{id}/run` */
async function runSchedule(call: Call<'runSchedule'>): Promise<Reply> {
  const { body, deps } = call;
  const info = await findSchedule(call);
  const { payload } = body;
  // Null is a payload of its own, and bytes come as they were sent. Without the field the schedule's payload holds.
  const own =
    payload instanceof RawPayload || payload === null ? { payload: payloadOf({ payload }).bytes } : {};
  const { newId } = deps.runtime;
  const run = await control.runSchedule(deps.broker, addressOf(call), { ...own, newId });
  reportQueue(call, run);
  const task = presentTask(await taskOfRun(call, info, run), SINGLE_TASK_PARTS);
  const query = new URLSearchParams({ queue: task.queue });
  if (task.business_id !== null) query.set('business_id', task.business_id);
  const location = `/v1/tasks/${encodeURIComponent(task.id)}?${query.toString()}`;
  return { status: 201, body: task, headers: { location } };
}

/** What a preview counts as clashes: the schedules that the key sees. A number of all would tell what others do. */
async function previewOptions(
  { principal, deps }: Pick<ChangeCall, 'principal' | 'deps'>,
  { n, from }: { readonly n: number; readonly from?: number | undefined },
): Promise<control.PreviewOptions> {
  const queues = await visibleQueues(deps.broker, principal);
  const { clock } = deps.runtime;
  const businesses = listedBusinesses(principal);
  return { limit: n, queues, businesses, clock, ...(from !== undefined && { fromMs: from }) };
}

/** `GET /v1/schedules/{id}/preview` */
async function previewStoredSchedule(call: Call<'previewStoredSchedule'>): Promise<Reply> {
  const address = await changeable(call);
  const options = await previewOptions(call, call.query);
  return { body: presentPreview(await control.previewSchedule(call.deps.broker, address, options)) };
}

/** `POST /v1/schedules/preview`: what is put is planned the same way, so a form can show it while somebody types. */
async function previewSchedule(call: Call<'previewSchedule'>): Promise<Reply> {
  const { body, deps, query } = call;
  const settings = settingsOf({ ...body, task: {} }, 'preview', deps.runtime.clock.wallMs());
  const draft = { settings, queue: storedQueue('default', 'handler') };
  try {
    const fires = await control.previewDraft(deps.broker, draft, await previewOptions(call, query));
    return { body: presentPreview(fires) };
  } catch (error) {
    throw withPlaces(error);
  }
}

export const scheduleHandlers = {
  listSchedules,
  getSchedule,
  putSchedule,
  patchSchedule,
  deleteSchedule,
  pauseSchedule,
  resumeSchedule,
  runSchedule,
  previewSchedule,
  previewStoredSchedule,
  listScheduleFires,
  listFires,
} satisfies Partial<Handlers>;
