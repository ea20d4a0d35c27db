/** Pages of schedules and of fires. They are limited to what the key sees before they are read: a page has no gaps for what is hidden. */
import type { Fire, Schedule } from '@task-center/api';
import { control } from '@task-center/engine';
import type { ScheduleSpec } from '@task-center/model';
import { readCursor, writeCursor, type CursorContext } from '../tasks/cursor.ts';
import type { Call, Reply } from '../call.ts';
import { invalid } from '../../problem.ts';
import { presentFire, presentSchedule, presentUpcoming } from './present.ts';
import { addressOf, findSchedule, listedBusinesses, visibleQueues } from './scope.ts';

type ListCallParts = Pick<Call<'listSchedules'>, 'principal' | 'deps'>;
type Broker = ListCallParts['deps']['broker'];

/** Lines of the history that `include=fires` adds. */
const INCLUDED_FIRES = 20;
/** Most fires to come that are listed. */
const MAX_PLANNED = 1_000;
/** Schedules whose history is read at the same time. */
const MAX_PARALLEL = 8;

/**
 * A list with its filter. A cursor is good for that list and that key only: with another one, places would be seen that the key may
 * not see.
 */
const contextOf =
  ({ principal, deps }: ListCallParts, scope: readonly unknown[]) =>
  async (): Promise<CursorContext> => ({
    key: await deps.broker.cursorKey(),
    scope: [principal.keyId, JSON.stringify(scope)],
    nowMs: deps.runtime.clock.wallMs(),
  });

/** The place in a cursor; null = the start. */
async function placeIn<Place>(
  text: string | undefined,
  context: () => Promise<CursorContext>,
): Promise<Place | null> {
  if (text === undefined) return null;
  const { cursor } = readCursor(text, await context());
  return JSON.parse(cursor ?? 'null') as Place | null;
}

const cursorOf = async (place: unknown, context: () => Promise<CursorContext>): Promise<string | null> =>
  place === null ? null : writeCursor({ kindIndex: 0, cursor: JSON.stringify(place) }, await context());

/** The last fires of a schedule. One that was removed meanwhile has none. */
async function lastFires(broker: Broker, { spec }: control.ScheduleInfo): Promise<Fire[]> {
  const { id, businessId, name } = spec;
  const { fires } = await control.listFiresOf(
    broker,
    { id, businessId },
    { limit: INCLUDED_FIRES, after: null },
  );
  return fires.map((fire) => presentFire(fire, name));
}

/** A schedule with its last fires: what a page about it shows first. */
export async function withFires(broker: Broker, info: control.ScheduleInfo): Promise<Schedule> {
  return { ...presentSchedule(info, { withPayload: true }), fires: await lastFires(broker, info) };
}

/** A page of schedules. Histories are read a few at a time: a page of 500 must not take the broker from others. */
async function presentPage(
  broker: Broker,
  infos: readonly control.ScheduleInfo[],
  include: 'fires' | undefined,
): Promise<Schedule[]> {
  const shown: Schedule[] = infos.map((info) => presentSchedule(info, { withPayload: false }));
  if (include === undefined) return shown;
  for (let from = 0; from < infos.length; from += MAX_PARALLEL)
    await Promise.all(
      infos.slice(from, from + MAX_PARALLEL).map(async (info, i) => {
        shown[from + i]!.fires = await lastFires(broker, info);
      }),
    );
  return shown;
}

/** `GET /v1/schedules` */
export async function listSchedules(call: Call<'listSchedules'>): Promise<Reply> {
  const { query, principal, deps } = call;
  const { limit, cursor, include, queue, owner, business_id, source, paused, failing, late } = query;
  const context = contextOf(call, ['schedules', queue, owner, business_id, source, paused, failing, late]);
  const after = await placeIn<control.ScheduleListOptions['after']>(cursor, context);
  const queues = await visibleQueues(deps.broker, principal, queue);
  const businesses = listedBusinesses(principal, business_id);
  const filter = {
    ...(paused !== undefined && { paused }),
    ...(failing !== undefined && { failing }),
    ...(late !== undefined && { late }),
    ...(source !== undefined && { source }),
    ...(owner !== undefined && { owners: [owner] }),
    ...(businesses !== null && { businesses }),
  };
  const page = await control.listSchedules(deps.broker, { ...filter, queues, limit, after });
  // How many others have must not be told, and nothing counts what several filters leave.
  const isWhole = Object.keys(filter).length === 0;
  return {
    body: {
      data: await presentPage(deps.broker, page.schedules, include),
      next_cursor: await cursorOf(page.next, context),
      total: isWhole ? (await control.countSchedules(deps.broker, queues, null)).all : null,
      scanned: null,
    },
  };
}

/** The name in a stored schedule; null = it has none, or another program has damaged it. */
function nameIn({ spec }: { readonly spec: string }): string | null {
  try {
    const { name } = Object(JSON.parse(spec)) as Partial<ScheduleSpec>;
    return typeof name === 'string' ? name : null;
  } catch {
    return null;
  }
}

/** The names of schedules, for people, by stored name. Lines of the history do not have them: a new name shows at once. */
async function shownNames(
  broker: Broker,
  stored: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const unique = [...new Set(stored)];
  if (unique.length === 0) return new Map();
  const { schedules } = await broker.schedules.get(unique);
  return new Map(
    schedules.flatMap((record) => (record === null ? [] : [[record.name, nameIn(record)] as const])),
  );
}

/** Where the next page of a history begins. */
type FirePlace = NonNullable<control.FirePlace>;

/** `GET /v1/schedules/{id}/fires` */
export async function listScheduleFires(call: Call<'listScheduleFires'>): Promise<Reply> {
  const { query, deps } = call;
  const { spec, storedName } = await findSchedule(call);
  const context = contextOf(call, ['fires of', storedName]);
  const after = await placeIn<FirePlace>(query.cursor, context);
  const page = await control.listFiresOf(deps.broker, addressOf(call), { limit: query.limit, after });
  return {
    body: {
      data: page.fires.map((fire) => presentFire(fire, spec.name)),
      next_cursor: await cursorOf(page.next, context),
      total: null,
      scanned: null,
    },
  };
}

/** A call for the fires of many schedules. */
type FireCall = Call<'listFires'>;

/** Whether a call asks for fires to come. @throws ProblemError `validation-failed`: it asks for both */
function asksForPlanned({ query: { outcome, from, task_state }, deps }: FireCall): boolean {
  const isNamed = outcome?.includes('planned') ?? false;
  const refuse = (parameter: string, message: string) =>
    invalid([{ parameter, code: 'contradiction', message, got: null }]);
  if (isNamed && outcome!.length > 1)
    throw refuse('outcome', 'must be planned alone, or outcomes of the past');
  const isPlanned =
    isNamed || (outcome === undefined && from !== undefined && from > deps.runtime.clock.wallMs());
  if (isPlanned && task_state !== undefined)
    throw refuse('task_state', 'must be left out for fires to come: they have no tasks yet');
  return isPlanned;
}

/** The stored name that a call limits its list to; left out = none. @throws ProblemError `not-found` */
async function onlySchedule(call: FireCall) {
  const { schedule_id: id, business_id } = call.query;
  if (id === undefined) return null;
  return findSchedule({ ...call, params: { id }, query: { business_id } });
}

/** The next fire of one schedule, if it is wanted. Among those of all, 1,000 others might come before it. */
function upcomingOf(
  { storedName, queue, spec, pauseReason, nextFireMs }: control.ScheduleInfo,
  {
    fromMs,
    toMs,
    owner,
  }: { readonly fromMs: number; readonly toMs: number; readonly owner?: string | undefined },
) {
  if (pauseReason !== null || nextFireMs === null || nextFireMs < fromMs || nextFireMs >= toMs) return [];
  if (owner !== undefined && owner !== spec.owner) return [];
  return [{ name: storedName, queue, business: spec.businessId, owner: spec.owner, nextFireMs }];
}

/**
 * Fires to come, the earliest first. They are found anew for each page, so a cursor is a number of lines: fires that were made in
 * between are missing at the front, and no line comes twice.
 */
async function listPlanned(call: FireCall, only: control.ScheduleInfo | null): Promise<Reply> {
  const { query, principal, deps } = call;
  const context = contextOf(call, [
    'planned',
    query.schedule_id,
    query.business_id,
    query.owner,
    query.from,
    query.to,
  ]);
  const shown = (await placeIn<number>(query.cursor, context)) ?? 0;
  const businesses = listedBusinesses(principal, query.business_id);
  const span = { fromMs: query.from ?? 0, toMs: query.to ?? Number.MAX_SAFE_INTEGER };
  const fits =
    only === null
      ? await control.listUpcoming(deps.broker, {
          queues: await visibleQueues(deps.broker, principal),
          ...(businesses !== null && { businesses }),
          ...(query.owner !== undefined && { owners: [query.owner] }),
          span,
          limit: MAX_PLANNED,
        })
      : upcomingOf(only, { ...span, owner: query.owner });
  const page = fits.slice(shown, shown + query.limit);
  const names = await shownNames(
    deps.broker,
    page.map(({ name }) => name),
  );
  const end = shown + page.length;
  return {
    body: {
      data: page.map((fire) => presentUpcoming(fire, names.get(fire.name) ?? null)),
      next_cursor: await cursorOf(end < fits.length ? end : null, context),
      total: null,
      scanned: null,
    },
  };
}

/** The history, the newest first. A filter that fits rarely may give a short page although more follow. */
async function listPast(call: FireCall, only: control.ScheduleInfo | null): Promise<Reply> {
  const { query, principal, deps } = call;
  const { limit, cursor, ...filter } = query;
  const context = contextOf(call, ['fires', filter]);
  const after = await placeIn<FirePlace>(cursor, context);
  const businesses = listedBusinesses(principal, query.business_id);
  const { outcome, task_state, owner, from, to } = query;
  const page = await control.listFires(deps.broker, {
    queues: only === null ? await visibleQueues(deps.broker, principal) : [only.queue],
    ...(only !== null && { name: only.storedName }),
    ...(businesses !== null && { businesses }),
    ...(owner !== undefined && { owners: [owner] }),
    ...(outcome !== undefined && { outcomes: outcome.filter((word) => word !== 'planned') }),
    ...(task_state !== undefined && { ends: task_state }),
    ...((from !== undefined || to !== undefined) && {
      span: { fromMs: from ?? 0, toMs: to ?? Number.MAX_SAFE_INTEGER },
    }),
    limit,
    after,
  });
  const names = await shownNames(
    deps.broker,
    page.fires.map(({ name }) => name),
  );
  return {
    body: {
      data: page.fires.map((fire) => presentFire(fire, names.get(fire.name) ?? null)),
      next_cursor: await cursorOf(page.next, context),
      total: null,
      scanned: null,
    },
  };
}

/** `GET /v1/fires` */
export async function listFires(call: FireCall): Promise<Reply> {
  const isPlanned = asksForPlanned(call);
  const only = await onlySchedule(call);
  return isPlanned ? listPlanned(call, only) : listPast(call, only);
}
