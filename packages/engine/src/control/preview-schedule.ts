/** What schedules will do. */
import {
  isCronFault,
  previewFires,
  putSpec,
  timesOf,
  type PreviewedFire,
  type ScheduledTask,
  type ScheduleSettings,
  type StoredSchedule,
} from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { MAX_SCHEDULE_NAMES } from '../broker/schedule-records.ts';
import { findCalendar } from '../calendars/calendars.ts';
import { createOptionsCheck, required } from '../checks/options.ts';
import { anyText, wholeNumber, withMethods } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { checkBusinesses } from './arguments.ts';
import { daysOf } from './next-fire.ts';
import { checkScheduleSettings, textList, wallMs } from './schedule-arguments.ts';
import { KNOWN_CALENDAR, scheduleFault } from './schedule-faults.ts';
import { findSchedule, schedulesOf, type ScheduleAddress } from './schedule-info.ts';

/** A fire that is still to come. */
export interface UpcomingInfo extends PreviewedFire {
  /** Number of other schedules whose next fire lies in the same minute. */
  readonly clashes: number;
}

export interface PreviewOptions {
  /** Most fires, 1 to 100. */
  readonly limit: number;
  /** Fires after this time, wall-clock ms. Default: now. */
  readonly fromMs?: number;
  /** The stored queues whose schedules count as clashes. Default: all. */
  readonly queues?: readonly string[];
  /** Only schedules of these businesses count as clashes; null = of any and none. Default null. */
  readonly businesses?: readonly string[] | null;
  readonly clock?: Pick<Clock, 'wallMs'>;
}

const checkPreview = createOptionsCheck<PreviewOptions>('a preview', {
  limit: required(wholeNumber(1, 100)),
  fromMs: wallMs,
  queues: textList,
  businesses: checkBusinesses,
  clock: withMethods('a clock', ['wallMs']),
});

/** A schedule that is not stored. */
export interface DraftSchedule {
  readonly settings: ScheduleSettings;
  readonly queue: string;
}

const checkDraftSchedule = createOptionsCheck<DraftSchedule>('a draft', {
  settings: required((value, name) => void checkScheduleSettings(value, name)),
  queue: required(anyText),
});

const MINUTE_MS = 60_000;

/** What is previewed. */
interface Previewed {
  readonly schedule: StoredSchedule;
  /** Its own next fire, which is no clash; null = it is not stored, or has none. */
  readonly ownMs: number | null;
  readonly nowMs: number;
}

/** How many schedules have their next fire in the minute of each time. */
async function countInMinutes(
  broker: Broker,
  timesMs: readonly number[],
  { queues, businesses = null }: PreviewOptions,
): Promise<number[]> {
  const store = schedulesOf(broker);
  const spans = timesMs.map((ms) => {
    const fromMs = Math.floor(ms / MINUTE_MS) * MINUTE_MS;
    return { fromMs, toMs: fromMs + MINUTE_MS };
  });
  const all = queues ?? (await broker.inspect.queues());
  const counts = spans.map(() => 0);
  if (spans.length === 0) return counts;
  for (let from = 0; from < all.length; from += MAX_SCHEDULE_NAMES) {
    const part = await store.countUpcoming(all.slice(from, from + MAX_SCHEDULE_NAMES), businesses, spans);
    part.forEach((count, i) => (counts[i]! += count));
  }
  return counts;
}

async function preview(
  broker: Broker,
  { schedule, ownMs, nowMs }: Previewed,
  options: PreviewOptions,
): Promise<UpcomingInfo[]> {
  const { spec } = schedule;
  const days = spec.calendar === null ? null : await daysOf(broker, spec.calendar);
  const times = timesOf(spec, days?.dayFilter);
  if (isCronFault(times))
    throw new TaskCenterError('invalid-value', {
      name: times.field ?? spec.times.kind,
      got: times.got,
      expected: times.expected ?? 'times that come',
    });
  const fires = previewFires({
    schedule,
    times,
    days,
    fromMs: options.fromMs ?? nowMs,
    limit: options.limit,
  });
  const counts = await countInMinutes(
    broker,
    fires.map(({ fireMs }) => fireMs),
    options,
  );
  const isOwn = (fireMs: number) =>
    ownMs !== null && Math.floor(fireMs / MINUTE_MS) === Math.floor(ownMs / MINUTE_MS);
  return fires.map((fire, i) => ({
    ...fire,
    clashes: Math.max(0, counts[i]! - (isOwn(fire.fireMs) ? 1 : 0)),
  }));
}

/**
 * The next fires of a schedule, as if it were not paused. Those that an overlap will leave out are among them.
 *
 * @throws TaskCenterError `invalid-value`, `schedule-not-found`
 */
export async function previewSchedule(
  broker: Broker,
  address: ScheduleAddress,
  options: PreviewOptions,
): Promise<UpcomingInfo[]> {
  checkPreview(options, 'options');
  const { record, spec, ledger, nowMs } = await findSchedule(broker, address);
  const ownMs = record.pauseReason === null ? record.nextFireMs : null;
  return preview(broker, { schedule: { spec, ledger }, ownMs, nowMs }, options);
}

const NO_TASK: Omit<ScheduledTask, 'queue'> = {
  type: '',
  payload: null,
  headers: {},
  maxRetries: 0,
  timeoutMs: 0,
  retentionMs: 0,
  uniqueMs: 0,
  group: null,
  meta: {},
};

/** The same for a schedule that is not stored, as if it were put now. @throws TaskCenterError `invalid-value` */
export async function previewDraft(
  broker: Broker,
  draft: DraftSchedule,
  options: PreviewOptions,
): Promise<UpcomingInfo[]> {
  schedulesOf(broker);
  checkPreview(options, 'options');
  const { settings, queue } = checkDraftSchedule(draft, 'draft');
  const { calendar } = settings;
  if (calendar !== null && (await findCalendar(broker, calendar)) === null)
    throw scheduleFault(['calendar'], calendar, KNOWN_CALENDAR);
  const nowMs = (options.clock ?? systemClock).wallMs();
  const spec = putSpec(null, { settings, task: { ...NO_TASK, queue }, source: 'client' }, nowMs);
  return preview(broker, { schedule: { spec, ledger: null }, ownMs: null, nowMs }, options);
}
