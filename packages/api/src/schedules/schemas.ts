// Schedules and fires as answers show them.

import * as z from 'zod';
import { MISFIRE_POLICIES, OVERLAPS, SCHEDULE_DIALECTS } from '@task-center/model';
import { count, maybe, text } from '../answers.ts';
import { strict } from '../strict.ts';
import { reason, time } from '../values.ts';

/**
 * How a fire went, or why it was left out. `planned`: it is still to come, which no line of the history is. `backfilled`: for a time
 * before the schedule existed.
 */
const FIRE_OUTCOMES = [
  'fired',
  'caught_up',
  'queued',
  'refused',
  'skipped_misfire',
  'skipped_overlap',
  'skipped_next',
  'replaced',
  'manual',
  'backfilled',
  'planned',
] as const;
/** How the task of a fire ended; `gone`: it was removed, or nobody saw its end. */
const FIRE_ENDS = ['completed', 'gone', 'cancelled', 'archived'] as const;
/** `client`: a program with the library. */
const SCHEDULE_SOURCES = ['api', 'config', 'client'] as const;

/** What filters take. Answers may have further values in a later version. */
export const outcomeFilter = z.enum(FIRE_OUTCOMES).meta({ id: 'FireOutcomeFilter' });
export const endFilter = z.enum(FIRE_ENDS).meta({ id: 'FireEndFilter' });
export const sourceFilter = z.enum(SCHEDULE_SOURCES).meta({ id: 'ScheduleSourceFilter' });

/**
 * A line of the history: a fire, or several that were left out together. It has what lists of fires show of the schedule and of
 * the task, because either may be gone when somebody looks.
 */
export const fire = z
  .object({
    schedule_id: text,
    business_id: maybe(text),
    name: maybe(text),
    owner: maybe(text),
    outcome: z.enum(FIRE_OUTCOMES).meta({ id: 'FireOutcome' }),
    fire_at: time.meta({ description: 'The logical time; of several the first one' }),
    last_fire_at: time.meta({ description: 'The last logical time of several, else the same' }),
    count: count.meta({ description: 'How many fires this line stands for' }),
    fired_at: maybe(time).meta({ description: 'When it was decided; null = it is still to come' }),
    lateness_ms: maybe(count).meta({ description: 'From the logical time to then; null = it has no task' }),
    task_id: maybe(text).meta({ description: 'The first task; null = it has none' }),
    queue: text,
    task_state: maybe(z.enum(FIRE_ENDS).meta({ id: 'FireEnd' })).meta({
      description: 'The worst end of its tasks, kept longer than they are; null = none has ended',
    }),
    finished_at: maybe(time).meta({ description: 'When the last of them ended' }),
    duration_ms: maybe(count).meta({ description: 'From fired_at to then' }),
  })
  .meta({ id: 'Fire' });

/** The task of a schedule in an answer: as it can be sent again, with secrets hidden. Lists leave its payload out. */
const shownTask = z.looseObject({ type: text, queue: text }).meta({
  id: 'ShownScheduleTask',
  description: 'The task that each fire submits, in the form of ScheduleTask; secrets are ***',
});

/**
 * A schedule in an answer. Without the fields that are only shown, it can be sent back: what was not given has its default here, and
 * null where it has none.
 */
export const schedule = z
  .object({
    id: text,
    name: maybe(text),
    source: z.enum(SCHEDULE_SOURCES).meta({
      id: 'ScheduleSource',
      description: 'Where it was put. One from config is changed in the configuration only',
    }),
    owner: maybe(text),
    business_id: maybe(text),
    paused: z.boolean(),
    pause_reason: maybe(text),
    cron: maybe(text),
    dialect: maybe(z.enum(SCHEDULE_DIALECTS)),
    every: maybe(text),
    from: maybe(z.enum(['start', 'end'])),
    at: maybe(time),
    timezone: text,
    calendar: maybe(text),
    starts_at: maybe(time),
    ends_at: maybe(time),
    skip_next: count.meta({ description: 'Coming fires that are still left out' }),
    jitter: text,
    max_runs: maybe(count),
    shards: count,
    misfire: z
      .object({ policy: z.enum(MISFIRE_POLICIES), grace: text, limit: count })
      .meta({ id: 'Misfire' }),
    overlap: z.enum(OVERLAPS),
    task: shownTask,
    next_fire_at: maybe(time).meta({
      description: 'null = it is paused, it will not fire, or the end of a run decides when',
    }),
    last_fire: maybe(time).meta({ description: 'The last time that was decided, made or left out' }),
    runs: count.meta({ description: 'Fires that were made, those by run not counted' }),
    failing: z.boolean().meta({
      description: 'Whether the newest fire with an ended task has one that was archived or cancelled',
    }),
    late: z.boolean().meta({ description: 'Whether it has waited for its next fire for over a minute' }),
    fires: z.array(fire).optional().meta({ description: 'With include=fires: the last 20' }),
    created_at: time,
    updated_at: time,
    version: z.int().meta({ description: 'Grows with each change, a pause included' }),
  })
  .meta({ id: 'Schedule' });

/** Fires that are still to come. `local` is a text without a zone on purpose: it is what people compare with their plan. */
export const preview = z
  .object({
    fires: z.array(
      z
        .object({
          at: time,
          local: text.meta({ description: 'What clocks in its zone show then: 2026-11-25T08:30:00' }),
          note: maybe(z.enum(['dst_gap', 'dst_repeat', 'calendar_on', 'calendar_unknown'])).meta({
            description: 'What is special; calendar_unknown: the calendar has no data for that year',
          }),
          clashes: count.meta({
            description: 'Number of other schedules whose next fire is in the same minute',
          }),
        })
        .meta({ id: 'PreviewedFire' }),
    ),
  })
  .meta({ id: 'SchedulePreview' });

/** The body of a pause. */
export const schedulePauseInput = strict({ reason: reason.optional() }).meta({ id: 'SchedulePauseInput' });
/** The body of a resume, which has no fields. */
export const scheduleResumeInput = strict({}).meta({ id: 'ScheduleResumeInput' });
/** The body of a run: another payload for this one fire. */
export const scheduleRunInput = strict({
  payload: z.unknown().optional().meta({ description: 'Any JSON, in place of the payload of the schedule' }),
}).meta({ id: 'ScheduleRunInput' });

export type Schedule = z.output<typeof schedule>;
export type Fire = z.output<typeof fire>;
export type SchedulePreview = z.output<typeof preview>;
