// The facet of schedules on the main thread: requests of the writer thread. Specifications and ledgers are JSON that nobody reads
// here, nor in the thread: they travel and are stored as texts.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../../broker/bounds.ts';
import type { CallOptions } from '../../../../broker/call-options.ts';
import {
  FIRE_OUTCOMES,
  END_STATES,
  type FireListRequest,
  type FireRecord,
  type FireWrite,
  type FireWriteOutcome,
} from '../../../../broker/fires.ts';
import type {
  ScheduleFilter,
  SchedulePlan,
  PutOutcome,
  SchedulePut,
  ScheduleRecord,
} from '../../../../broker/schedule-records.ts';
import type { ScheduleStore } from '../../../../broker/schedules.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { Clock } from '../../../../runtime/clock.ts';
import { chunk } from '../../../../runtime/chunk.ts';
import { checkTexts } from '../../../../task/headers.ts';
import type { FireWriteItem } from '../../thread/facets/fire.ts';
import type { ListedFire, ListFiresRequest, ScheduleFilterRow } from '../../thread/facets/schedule-lists.ts';
import type { PutItem, StoredSchedule } from '../../thread/facets/schedules.ts';
import { SCHEDULE, type PlanRow } from '../../schedule-rows.ts';
import type { StoreCalls } from '../../thread/requests.ts';
import type { LocalSignals } from './signals.ts';
import { newTaskRow } from './submit.ts';

/** A condition as SQL compares it; null = it does not matter. */
const bitOf = (is: boolean | undefined): 0 | 1 | null => (is === undefined ? null : is ? 1 : 0);
/** A list as JSON, which SQL takes apart; null = it does not matter. */
const asList = (values: readonly unknown[] | null | undefined): string | null =>
  values === null || values === undefined ? null : JSON.stringify(values);

// The two functions below name each field: thousands are due in a second, and to leave fields out of a spread costs most of it.

/** SQLite knows neither lists nor booleans. */
const planRow = (plan: SchedulePlan): PlanRow => ({
  ledger: plan.ledger,
  lastFireMs: plan.lastFireMs,
  nextFireMs: plan.nextFireMs,
  nextLookMs: plan.nextLookMs,
  runs: plan.runs,
  open: JSON.stringify(plan.open),
  awaitsEnd: plan.awaitsEnd ? 1 : 0,
});

/** A schedule as callers see it. */
const scheduleRecord = ({ row, spec }: StoredSchedule): ScheduleRecord => ({
  queue: row.queueName,
  name: row.name,
  revision: row.revision,
  specStamp: row.specStamp,
  stamp: row.stamp,
  createdMs: row.createdMs,
  changedMs: row.changedMs,
  spec,
  business: row.business,
  owner: row.owner,
  source: row.source,
  calendar: row.calendar,
  pauseReason: row.pauseReason,
  failing: row.failing === 1,
  ledger: row.ledger,
  lastFireMs: row.lastFireMs,
  nextFireMs: row.nextFireMs,
  nextLookMs: row.nextLookMs,
  runs: row.runs,
  open: JSON.parse(row.open) as string[],
  awaitsEnd: row.awaitsEnd === 1,
});

/** What is left out of a filter is null. */
const filterRow = (filter: ScheduleFilter): ScheduleFilterRow => ({
  businesses: asList(filter.businesses),
  owners: asList(filter.owners),
  source: filter.source ?? null,
  calendar: filter.calendar ?? null,
  paused: bitOf(filter.paused),
  failing: bitOf(filter.failing),
  late: bitOf(filter.late),
});

/** Outcomes and ends are stored as their places in the lists of them: a history has many lines. */
const fireRecord = (queue: string, { outcome, worstEnd, ...same }: ListedFire): FireRecord => ({
  ...same,
  queue,
  outcome: FIRE_OUTCOMES[outcome]!,
  end: worstEnd === null ? null : END_STATES[worstEnd]!,
});

/** What is left out of a request is null. */
const fireListRow = (request: FireListRequest): ListFiresRequest => ({
  queue: request.queue,
  name: request.name ?? null,
  businesses: asList(request.businesses),
  owners: asList(request.owners),
  outcomes: asList(request.outcomes?.map((outcome) => FIRE_OUTCOMES.indexOf(outcome))),
  ends: asList(request.ends?.map((end) => END_STATES.indexOf(end))),
  span: request.span ?? null,
  limit: request.limit,
  before: request.before,
});

/** A write, and what the thread takes of it. */
interface PreparedWrite {
  readonly write: FireWrite;
  readonly item: FireWriteItem;
}

/** Payloads travel as bytes beside it, those of all its fires in their order. */
const writeItem = ({ name, stamp, plan, fires }: FireWrite): FireWriteItem => ({
  name,
  stamp,
  plan: planRow(plan),
  fires: fires.map(({ outcome, fireMs, toMs, count, tasks }) => ({
    outcome: FIRE_OUTCOMES.indexOf(outcome),
    fireMs,
    toMs,
    count,
    tasks: tasks.length,
  })),
  rows: fires.flatMap(({ tasks }) => tasks.map((task) => newTaskRow(task, 0))),
});

/** Null = one of its tasks cannot be stored as it is, which must harm no other write. */
function prepareWrite(write: FireWrite): PreparedWrite | null {
  try {
    for (const { tasks } of write.fires) tasks.forEach(checkTexts);
    return { write, item: writeItem(write) };
  } catch {
    return null;
  }
}

/** Of all its tasks, in the order of the rows. */
const payloadsOf = ({ fires }: FireWrite): (Uint8Array | null)[] =>
  fires.flatMap(({ tasks }) => tasks.map(({ payload }) => payload));

/** Bytes of a write, about. */
const writeSize = ({ write }: PreparedWrite): number =>
  payloadsOf(write).reduce((bytes, payload) => bytes + (payload?.length ?? 0), write.plan.ledger.length);

/** Bounds of one call of the writer thread. */
const CALL = { maxItems: MAX_BATCH, maxBytes: MAX_BATCH_BYTES };

/**
 * Divides writes into calls: each within the bounds, or a single write. What a schedule writes is never divided, as it is stored whole
 * or not at all.
 */
function divide(writes: readonly PreparedWrite[]): PreparedWrite[][] {
  return chunk(writes, CALL, writeSize).flatMap((part) =>
    chunk(part, { maxItems: MAX_BATCH, maxBytes: MAX_BATCH }, ({ item }) => item.rows.length),
  );
}

/** Writes the fires of one call. A full disk refuses them: they stay due, and are handed out again. */
async function sendWrites(
  writer: StoreCalls,
  { queue, writes }: { readonly queue: string; readonly writes: readonly PreparedWrite[] },
  options: CallOptions | undefined,
): Promise<FireWriteOutcome[]> {
  const data = { queue, writes: writes.map(({ item }) => item) };
  const request = { data, bytes: writes.flatMap(({ write }) => payloadsOf(write)) };
  try {
    return (await writer.run('scheduleFire', request, options)).data;
  } catch (error) {
    if (!(error instanceof TaskCenterError) || error.code !== 'broker-full') throw error;
    return writes.map(() => ({ code: 'refused', cause: 'broker-full' }));
  }
}

/** Writes the fires of any number of schedules. One call after the other: the thread serves others in between. */
async function sendAllWrites(
  writer: StoreCalls,
  { queue, writes }: { readonly queue: string; readonly writes: readonly FireWrite[] },
  options: CallOptions | undefined,
): Promise<FireWriteOutcome[]> {
  const encoded = writes.map(prepareWrite);
  const outcomes: FireWriteOutcome[] = [];
  for (const part of divide(encoded.filter((each) => each !== null)))
    outcomes.push(...(await sendWrites(writer, { queue, writes: part }, options)));
  let next = 0;
  return encoded.map((each) =>
    each === null ? { code: 'refused', cause: 'invalid-task' } : outcomes[next++]!,
  );
}

/** The same relative to the broker's clock. */
const inMs = (nextLookMs: number | null, nowMs: number): number | null =>
  nextLookMs === null ? null : Math.max(0, nextLookMs - nowMs);

/** What schedulers call. */
function createSchedulerCalls({ writer, signals, clock }: ScheduleStoreDeps) {
  return {
    nextLooks: (queues) => writer.ask('scheduleLooks', queues),
    // Changes are reported before the answer to the call that has made them.
    async nextLookOf(queue) {
      const nextLookMs = signals.nextLookMs(queue);
      return { queue, nextLookMs, nextLookInMs: inMs(nextLookMs, clock.wallMs()) };
    },
    async due(queue, limit) {
      const { nowMs, items, nextLookMs } = await writer.ask('scheduleDue', { queue, limit });
      const schedules = items.map(({ row, spec, openRuns, wasAhead }) =>
        Object.assign(scheduleRecord({ row: SCHEDULE.fromRow(row), spec }), { openRuns, wasAhead }),
      );
      return { queue, nowMs, schedules, nextLookMs, nextLookInMs: inMs(nextLookMs, nowMs) };
    },
    fire: (queue, writes, options) => sendAllWrites(writer, { queue, writes }, options),
    async lookNow(schedules) {
      await writer.ask('scheduleLookNow', schedules);
    },
    waitForLook: (known, signal) => signals.waitForLook(known, signal),
  } satisfies Partial<ScheduleStore>;
}

/** What is left out is null. */
const putItem = (put: SchedulePut): PutItem => ({ ...put, nextLookMs: put.nextLookMs ?? null });

/** In calls of bounded size. */
async function putAll(writer: StoreCalls, schedules: readonly SchedulePut[]): Promise<PutOutcome[]> {
  const outcomes: PutOutcome[] = [];
  for (const part of chunk(schedules, CALL, ({ spec }) => spec.length))
    outcomes.push(...(await writer.ask('schedulePut', part.map(putItem))));
  return outcomes;
}

export interface ScheduleStoreDeps {
  readonly writer: StoreCalls;
  readonly signals: LocalSignals;
  /** The broker's. */
  readonly clock: Pick<Clock, 'wallMs'>;
}

export function createScheduleStore(deps: ScheduleStoreDeps): ScheduleStore {
  const { writer } = deps;
  return {
    ...createSchedulerCalls(deps),
    put: (schedules) => putAll(writer, schedules),
    remove: (schedules) => writer.ask('scheduleRemove', schedules),
    async get(names) {
      const { nowMs, items } = await writer.ask('scheduleGet', names);
      return { nowMs, schedules: items.map((item) => item && scheduleRecord(item)) };
    },
    async list({ queues, limit, after, ...filter }) {
      const request = { queues, limit, after, filter: filterRow(filter) };
      const { nowMs, items, next } = await writer.ask('scheduleList', request);
      return { schedules: items.map(scheduleRecord), next, nowMs };
    },
    queuesWithSchedules: (queues) => writer.ask('scheduleQueues', queues),
    counts: (queues, businesses) => writer.ask('scheduleCounts', { queues, businesses: asList(businesses) }),
    async fires(request) {
      const { fires, next } = await writer.ask('fireList', fireListRow(request));
      return { fires: fires.map((fire) => fireRecord(request.queue, fire)), next };
    },
    // Without paused ones: what will fire.
    upcoming: (queues, { businesses, owners, span, limit }) =>
      writer.ask('scheduleUpcoming', {
        queues,
        businesses: asList(businesses),
        owners: asList(owners),
        span,
        limit,
      }),
    countUpcoming: (queues, businesses, spans) =>
      writer.ask('scheduleCountUpcoming', { queues, businesses: asList(businesses), spans }),
  };
}
