// What a client may say about a schedule. The rules are the model's (`readSchedule`), which the library and the configuration use
// too. See docs/design/http-api.md#schedules.

import * as z from 'zod';
import {
  DAY_MS,
  MAX_CATCH_UP,
  MAX_DURATION_MS,
  MAX_RUNS,
  MAX_SHARDS,
  MAX_SKIPS,
  MISFIRE_POLICIES,
  OVERLAPS,
  readSchedule,
  SCHEDULE_DIALECTS,
} from '@task-center/model';
import { choice, fieldsOf, strict } from '../strict.ts';
import { taskInput } from '../tasks/input.ts';
import { businessId, duration, instant, label, resourceId } from '../values.ts';

/** The shortest interval: a fire lies on a whole second. */
const SECOND_MS = 1_000;

/** What each fire has of its own, and what the schedule says for all of them. */
const NOT_OF_TASK = [
  'id',
  'business_id',
  'delay',
  'run_at',
  'deadline',
  'durability',
  'traceparent',
  'tracestate',
  'trace_id',
] as const;
/** The fields that are left. */
type OfTask = Omit<typeof taskInput.shape, (typeof NOT_OF_TASK)[number]>;

/** Whether a schedule's task has a field of a task that is submitted. */
const isOfTask = (name: string) => !(NOT_OF_TASK as readonly string[]).includes(name);

/** The task that each fire submits. */
const scheduleTask = strict(
  Object.fromEntries(Object.entries(taskInput.shape).filter(([name]) => isOfTask(name))) as OfTask,
  fieldsOf(taskInput).notBuilt,
).meta({
  id: 'ScheduleTask',
  description: 'A task as it is submitted, without what each fire has of its own: ID, start, deadline, trace',
});

/** Null counts as left out: an answer can be sent back. */
const field = <S extends z.ZodType>(schema: S, description: string) => schema.nullish().meta({ description });
/** A whole number. Its bounds stand in the OpenAPI document, too. */
const whole = (min: number, max: number) => z.int().min(min).max(max);

// A schedule whose scheduler was down must neither flood its queue afterwards nor miss a fire without a word: the defaults make
// exactly one.
const misfire = strict({
  policy: field(
    z.enum(MISFIRE_POLICIES).meta({ id: 'MisfirePolicy' }),
    'What is done about fires older than grace. fire_once (default): the newest is made; skip: none; catch_up: the newest limit, oldest first',
  ),
  grace: field(
    duration(SECOND_MS, 7 * DAY_MS),
    'A fire that is at most this late is made, whatever the policy. Default: 60s',
  ),
  limit: field(whole(1, MAX_CATCH_UP), 'Most fires that catch_up makes. Default: 10'),
}).meta({ id: 'MisfireInput' });

/**
 * Everything that a client says about a schedule, but for its ID, which is in the path. Each field has a default or may be left out,
 * and which of them go together is the model's rule.
 */
const scheduleFields = {
  name: field(label, 'A name for people. Default: the ID is shown'),
  owner: field(label, 'Who is responsible: a team or a person'),
  business_id: field(
    businessId,
    'The business of the schedule and its tasks; IDs of two businesses are separate. Default: that of the key, if it has just one',
  ),
  task: scheduleTask.optional().meta({ description: 'The task that each fire submits. Required' }),
  cron: field(
    z.string().min(1).max(500),
    'When it fires: 5 fields, or 6 with seconds first, or @daily and so on. One of cron, every and at is required',
  ),
  dialect: field(
    z.enum(SCHEDULE_DIALECTS).meta({ id: 'CronDialect' }),
    'How cron is read. unix (default): 0 and 7 are Sunday; quartz: 1 is Sunday, and ? L W # are known',
  ),
  every: field(duration(SECOND_MS, MAX_DURATION_MS), 'The time between two fires, in whole seconds'),
  from: field(
    z.enum(['start', 'end']).meta({ id: 'EveryFrom' }),
    'What every counts from: starts_at or the creation (start, the default), or the end of the run before (end)',
  ),
  at: field(instant('A time'), 'Once, at this time'),
  timezone: field(
    z.string().min(1).max(64),
    'IANA name of the zone of local times and of the days of the calendar. Default: UTC',
  ),
  calendar: field(resourceId, 'ID of the calendar that changes its days. Default: none'),
  starts_at: field(instant('A time'), 'No fire lies before it'),
  ends_at: field(instant('A time'), 'Every fire lies before it'),
  skip_next: field(whole(0, MAX_SKIPS), 'How many coming fires are left out. Default: 0'),
  jitter: field(
    duration(0, DAY_MS),
    'Each task is delayed by a part of this span, never beyond the next fire. Default: 0s',
  ),
  max_runs: field(whole(1, MAX_RUNS), 'Fires that are made in all. Default: no bound'),
  shards: field(whole(1, MAX_SHARDS), 'Tasks per fire; each is told its index and their number. Default: 1'),
  misfire: field(misfire, 'What is done about fires that nobody made in time'),
  overlap: field(
    choice(OVERLAPS, ['cancel_running']).meta({ id: 'Overlap' }),
    'What happens to a fire while the last run has not ended. allow (default): it is made; skip: it is left out; queue: it waits, at most 10 do; replace: it takes the place of the one that waits',
  ),
};
/** What a later version will take: refused by name, not as a typing error. */
const NOT_BUILT = ['then', 'backfill'];

/** The ID that a body is read with: its own is in the path. */
const ANY_ID = 'id';

/** Adds what the model has against a schedule, but for what the fields themselves have said. */
function checkWhole(body: object, context: z.RefinementCtx, task: object | undefined): void {
  const { faults } = readSchedule({ ...body, id: ANY_ID, task }, { nowMs: Date.now() });
  for (const { path, got, expected } of faults) {
    const code = got === null && path.length === 1 && path[0] === 'task' ? 'required' : 'invalid_value';
    const message = `must be ${expected}`;
    context.addIssue({ code: 'custom', path: [...path], message, params: { code } });
  }
}

/** The body of PUT: the whole of a schedule. A field that is left out has its default. */
export const scheduleInput = strict(scheduleFields, NOT_BUILT)
  .superRefine((body, context) => checkWhole(body, context, body.task))
  .meta({ id: 'ScheduleInput' });

/** The body of a preview: the task does not matter, so a form can ask before its task is filled in. */
export const previewInput = strict(scheduleFields, NOT_BUILT)
  .superRefine((body, context) => checkWhole(body, context, {}))
  .meta({ id: 'SchedulePreviewInput' });

/** A schedule with its ID, as a configuration or a file with many has it. */
export const namedSchedule = strict({ id: resourceId, ...scheduleFields }, NOT_BUILT).superRefine(
  (body, context) => checkWhole(body, context, body.task),
);

/** A schedule as a client writes it: durations and times are texts. */
export type ScheduleInput = z.input<typeof scheduleInput>;
/** With each field decoded: durations in ms, times as wall-clock ms. */
export type CheckedSchedule = z.output<typeof scheduleInput>;
export type NamedSchedule = z.output<typeof namedSchedule>;
