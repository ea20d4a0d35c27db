import { storedQueue } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { createOptionsCheck, object } from '../checks/options.ts';
import { anyText, anyValue, checkBroker, checkOf, filledText, flag, wholeNumber } from '../checks/values.ts';
import {
  clientOptionsOf,
  createPrepareTask,
  DEFAULT_MAX_PAYLOAD_BYTES,
  PREPARE_ROWS,
  type PrepareOptions,
  type PrepareTask,
} from '../client/prepare-task.ts';
import * as control from '../control/index.ts';
import type { ScheduleAddress, VersionTest } from '../control/index.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';
import { encodeGiven } from '../task/payload.ts';
import { prepareScheduled, readSettings, type ScheduleOptions } from './schedule-options.ts';
import {
  toFire,
  toSchedule,
  toUpcoming,
  type Schedule,
  type ScheduleFire,
  type UpcomingScheduleFire,
} from './stored-schedule.ts';

/** Options of `Schedules`: those of a client, which makes the tasks. */
export type SchedulesOptions = PrepareOptions;

/** What a change is for. */
export interface ScheduleVersion {
  /** The version that must be there, which `get` has told; 0 = there must be none. Default: any. */
  readonly expectedVersion?: number;
}

/** Which schedules are listed. All that is given must hold. */
export interface ScheduleQuery {
  /** The stored queue of their tasks. */
  readonly queue?: string;
  readonly businessId?: string;
  readonly owner?: string;
  /** `client`, `api` or `config`. */
  readonly source?: string;
  /** ID of the calendar that they follow. */
  readonly calendar?: string;
  readonly paused?: boolean;
  /** Whether the newest fire with an ended task has one that was archived or cancelled. */
  readonly failing?: boolean;
  /** Whether it has waited for its next fire for more than a minute. */
  readonly late?: boolean;
}

/** Options of `preview`. */
export interface PreviewQuery {
  /** Most fires, 1 to 100. Default 10. */
  readonly limit?: number;
  /** Fires after this time. Default: now. */
  readonly from?: Date;
}

/** A run that was asked for. */
export interface ScheduleRun {
  /** The stored queue. */
  readonly queue: string;
  /** IDs of its tasks, one per shard. */
  readonly ids: readonly string[];
  readonly at: Date;
}

/** Most lines that are kept of a schedule. */
const MAX_SHOWN_FIRES = 100;

const validDate = checkOf('a Date', (value) => value instanceof Date && !Number.isNaN(value.getTime()));
const checkSchedulesOptions = createOptionsCheck<SchedulesOptions>('Schedules', PREPARE_ROWS);
const checkScheduleVersion = createOptionsCheck<ScheduleVersion>('put', { expectedVersion: wholeNumber(0) });
const checkPauseOptions = createOptionsCheck<{ reason?: string }>('pause', { reason: anyText });
const checkRunOptions = createOptionsCheck<{ payload?: unknown }>('run', { payload: anyValue });
const checkFiresOptions = createOptionsCheck<{ limit?: number }>('fires', {
  limit: wholeNumber(1, MAX_SHOWN_FIRES),
});
const checkPreviewQuery = createOptionsCheck<PreviewQuery>('preview', {
  limit: wholeNumber(1, 100),
  from: validDate,
});
const checkScheduleQuery = createOptionsCheck<ScheduleQuery>('list', {
  queue: filledText,
  businessId: filledText,
  owner: filledText,
  source: filledText,
  calendar: filledText,
  paused: flag,
  failing: flag,
  late: flag,
});

/** A schedule without business can be named by its ID. */
function addressOf(schedule: ScheduleAddress | string): ScheduleAddress {
  if (typeof schedule === 'string') return { id: schedule };
  object(schedule, 'schedule');
  const { id, businessId } = schedule;
  return { id, businessId: businessId ?? null };
}

function testOf(options: ScheduleVersion): { expects?: VersionTest; isNew?: boolean } {
  const { expectedVersion } = checkScheduleVersion(options);
  if (expectedVersion === undefined) return {};
  if (expectedVersion === 0) return { isNew: true };
  return { expects: (version) => version === expectedVersion };
}

/**
 * Schedules that the broker keeps: each fires once, however many processes run and whichever of them dies. Workers fire the
 * schedules of their queues. A `Scheduler` is something else: its entries live in its process.
 */
export class Schedules {
  readonly #broker: Broker;
  readonly #runtime: Runtime;
  readonly #prepare: PrepareTask;
  readonly #maxPayloadBytes: number | undefined;

  /** @throws TaskCenterError `invalid-value` */
  constructor(broker: Broker, options: SchedulesOptions = {}) {
    checkBroker(broker, 'schedules');
    const { runtime, maxPayloadBytes } = checkSchedulesOptions(options);
    this.#broker = broker;
    this.#runtime = createRuntime(runtime, broker.log);
    this.#prepare = createPrepareTask(clientOptionsOf(options, this.#runtime));
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /**
   * Stores a schedule in place of the one with its ID and business, if there is one. One that is the same already is not
   * written again, and keeps its version. An edit that leaves its times as they are leaves its plan as it is.
   *
   * ```ts
   * await schedules.put({
   *   id: 'daily-report',
   *   cron: '30 8 * * mon-fri',
   *   timezone: 'Europe/Berlin',
   *   task: { task: 'report', queue: 'reports', payload: { kind: 'daily' } },
   * });
   * ```
   *
   * @throws TaskCenterError `invalid-value`: also if it can never fire, or would be moved to another queue; `payload-too-large`,
   *   `schedule-exists`, `managed-elsewhere`, `version-mismatch`
   */
  async put<Input>(schedule: ScheduleOptions<Input>, options: ScheduleVersion = {}): Promise<Schedule> {
    const test = testOf(options);
    const given = schedule as ScheduleOptions;
    const settings = readSettings(given, this.#runtime.clock.wallMs());
    const task = await prepareScheduled(given.task, settings, this.#prepare);
    const { item } = await control.putSchedule(this.#broker, { settings, task, source: 'client', ...test });
    return toSchedule(item);
  }

  /** @throws TaskCenterError `invalid-value`, `schedule-not-found` */
  async get(schedule: ScheduleAddress | string): Promise<Schedule> {
    return toSchedule(await control.getSchedule(this.#broker, addressOf(schedule)));
  }

  /** All schedules that fit, by queue and name. @throws TaskCenterError `invalid-value` */
  async list(query: ScheduleQuery = {}): Promise<Schedule[]> {
    const schedules: Schedule[] = [];
    for await (const schedule of this.iterate(query)) schedules.push(schedule);
    return schedules;
  }

  /** The same for `for await`, for many of them. */
  async *iterate(query: ScheduleQuery = {}): AsyncGenerator<Schedule, void, undefined> {
    const { queue, businessId, owner, ...rest } = checkScheduleQuery(query);
    const filter = {
      ...rest,
      ...(queue !== undefined && { queues: [queue] }),
      ...(businessId !== undefined && { businesses: [businessId] }),
      ...(owner !== undefined && { owners: [owner] }),
    };
    for await (const info of control.iterateSchedules(this.#broker, filter)) yield toSchedule(info);
  }

  /**
   * No fire is made until it is resumed. Paused again, it has the new reason.
   *
   * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `managed-elsewhere`
   */
  async pause(
    schedule: ScheduleAddress | string,
    options: { readonly reason?: string } = {},
  ): Promise<Schedule> {
    const { reason } = checkPauseOptions(options);
    return toSchedule(await control.pauseSchedule(this.#broker, addressOf(schedule), { reason }));
  }

  /** It fires again from now on: what fell into the pause is not made up for. @throws TaskCenterError as `pause` */
  async resume(schedule: ScheduleAddress | string): Promise<Schedule> {
    return toSchedule(await control.resumeSchedule(this.#broker, addressOf(schedule)));
  }

  /**
   * Makes a fire now, whatever plan, pause and overlap say.
   *
   * @param options `payload`: in place of its own
   * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `payload-too-large`, `duplicate-task`, `broker-full`
   */
  async run(
    schedule: ScheduleAddress | string,
    options: { readonly payload?: unknown } = {},
  ): Promise<ScheduleRun> {
    const { payload } = checkRunOptions(options);
    const run = await control.runSchedule(this.#broker, addressOf(schedule), {
      newId: this.#runtime.newId,
      ...(payload !== undefined && { payload: this.#encoded(payload) }),
    });
    return { queue: run.queue, ids: run.ids, at: new Date(run.fireMs) };
  }

  /**
   * The next fires, of a schedule that is stored or of one that might be put. Those that an overlap will leave out are among them.
   *
   * @throws TaskCenterError `invalid-value`, `schedule-not-found`
   */
  async preview(
    schedule: ScheduleAddress | string | ScheduleOptions,
    options: PreviewQuery = {},
  ): Promise<UpcomingScheduleFire[]> {
    const { limit = 10, from } = checkPreviewQuery(options);
    const { clock } = this.#runtime;
    const how = { limit, clock, ...(from && { fromMs: from.getTime() }) };
    if (typeof schedule !== 'string') object(schedule, 'schedule');
    if (typeof schedule === 'string' || !('task' in schedule)) {
      const fires = await control.previewSchedule(this.#broker, addressOf(schedule), how);
      return fires.map(toUpcoming);
    }
    const settings = readSettings(schedule, clock.wallMs());
    const queue = storedQueue(schedule.task.queue ?? 'default', 'handler');
    return (await control.previewDraft(this.#broker, { settings, queue }, how)).map(toUpcoming);
  }

  /**
   * The newest lines of its history, at most 100, the latest logical time first.
   *
   * @param options `limit`: 1 to 100, default 20
   * @throws TaskCenterError `invalid-value`, `schedule-not-found`
   */
  async fires(
    schedule: ScheduleAddress | string,
    options: { readonly limit?: number } = {},
  ): Promise<ScheduleFire[]> {
    const { limit = 20 } = checkFiresOptions(options);
    const page = await control.listFiresOf(this.#broker, addressOf(schedule), { limit, after: null });
    return page.fires.map(toFire);
  }

  /**
   * Removes a schedule with its history. Its tasks stay.
   *
   * @throws TaskCenterError `invalid-value`, `schedule-not-found`, `managed-elsewhere`, `version-mismatch`
   */
  async remove(schedule: ScheduleAddress | string, options: ScheduleVersion = {}): Promise<void> {
    const { expects } = testOf(options);
    await control.removeSchedule(this.#broker, addressOf(schedule), { ...(expects && { expects }) });
  }

  #encoded(given: unknown): Uint8Array | null {
    const payload = encodeGiven('payload', given);
    const limit = this.#maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
    if (payload !== null && payload.length > limit)
      throw new TaskCenterError('payload-too-large', { got: payload.length, limit });
    return payload;
  }
}
