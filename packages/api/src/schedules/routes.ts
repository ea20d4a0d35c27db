// Schedules and their fires. docs/design/http-api.md#schedules explains the rules. A submitter may do all of this: who may submit a task
// now may also submit it again and again. What a key sees is decided by its queues and businesses.

import * as z from 'zod';
import { patchOf } from '../merge-patch.ts';
import { pageOf, pageQuery, wholeNumber } from '../page.ts';
import { resource } from '../route.ts';
import { choice, strict } from '../strict.ts';
import { task } from '../tasks/schemas.ts';
import { businessId, byId, instantParameter, label, queueName, resourceId } from '../values.ts';
import { previewInput, scheduleInput } from './fields.ts';
import {
  fire,
  endFilter,
  outcomeFilter,
  schedulePauseInput,
  preview,
  scheduleResumeInput,
  scheduleRunInput,
  schedule,
  sourceFilter,
} from './schemas.ts';

const { get, post, put, patch, del } = resource('schedules');

/** Names the business of the schedule: the same ID may stand for schedules of several ones. Default: that of the key, if it has just one. */
const business = { business_id: businessId.optional() };
/** The query of calls that only need to know which schedule is meant. */
const ofBusiness = strict(business);
/** A filter on a property that a schedule has or has not; left out = both. */
const yesOrNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .pipe(z.boolean())
  .optional();
/** Checks everything and stores nothing. */
const dryRun = yesOrNo.meta({
  description:
    'true: nothing is stored. What a PUT would refuse is refused; else the answer is 200 with the schedule as it would be, and the version that it has now, 0 if it is new',
});
/** What an answer has only when it is asked for: reading the history costs a call of the broker for each schedule. */
const scheduleParts = choice(['fires'], []).meta({ id: 'SchedulePart' }).optional();

/** Words of a list with commas, such as `outcome=fired,caught_up`: any of them fits. */
const words = <W extends Readonly<Record<string, string>>>(word: z.ZodEnum<W>, about: string) =>
  z
    .string()
    .transform((text, context) => {
      const found = text.split(',');
      const known: readonly string[] = word.options;
      if (!found.every((name) => known.includes(name)))
        context.addIssue({
          code: 'custom',
          message: `must name some of ${known.join(', ')}, with commas between them`,
        });
      return found;
    })
    .pipe(z.array(word).min(1))
    .meta({ description: `${about}. Several with commas between them: any of them fits` })
    .optional();

/** A part of the history, by logical time: a fire that was late lies where it should have been. */
const span = {
  from: instantParameter('Only fires at or after this time').optional(),
  to: instantParameter('Only fires before this time').optional(),
};
/** How far a preview looks. Its fires are computed, so their number is bounded and not the time. */
const previewQuery = {
  n: wholeNumber(1, 100).default(10),
  from: instantParameter('Fires after this time. Default: now').optional(),
};
/** Both histories have the same pages. */
const fires = pageOf('FirePage', fire);

/**
 * A change answers the schedule as it is afterwards, with its next fire. Pause, resume and run are no fields of it: nobody who puts a
 * schedule again ends a pause by accident.
 */
export const scheduleRoutes = {
  listSchedules: get('/v1/schedules', {
    role: 'viewer',
    summary: 'Schedules by queue, owner, business, source, and whether they are paused, failing or late',
    query: strict({
      queue: queueName.optional(),
      owner: label.optional(),
      ...business,
      source: sourceFilter.optional(),
      paused: yesOrNo,
      failing: yesOrNo,
      late: yesOrNo,
      include: scheduleParts,
      ...pageQuery,
    }),
    answers: { 200: pageOf('SchedulePage', schedule) },
  }),
  previewSchedule: post('/v1/schedules/preview', {
    role: 'viewer',
    summary: 'When a schedule would fire that is not stored',
    query: strict(previewQuery),
    body: previewInput,
    answers: { 200: preview },
    // It changes nothing.
    audit: false,
  }),
  getSchedule: get('/v1/schedules/{id}', {
    role: 'viewer',
    summary: 'A schedule with its task, and its last fires if included',
    params: byId,
    query: strict({ ...business, include: scheduleParts }),
    versioned: true,
    answers: { 200: schedule },
    problems: ['not-found'],
  }),
  /** The queue and the kind of its task never change: another one is 422. */
  putSchedule: put('/v1/schedules/{id}', {
    role: 'submitter',
    summary: 'Make a schedule, or replace the whole of it',
    params: byId,
    query: strict({ ...business, dry_run: dryRun }),
    versioned: true,
    body: scheduleInput,
    answers: { 200: schedule, 201: schedule },
    problems: ['schedule-exists', 'managed-elsewhere', 'url-blocked', 'business-forbidden', 'broker-unsafe'],
  }),
  patchSchedule: patch('/v1/schedules/{id}', {
    role: 'submitter',
    summary: 'Change parts of a schedule; the rest stays, secrets included',
    params: byId,
    query: ofBusiness,
    versioned: true,
    body: patchOf(scheduleInput),
    answers: { 200: schedule },
    problems: ['not-found', 'managed-elsewhere', 'url-blocked', 'business-forbidden', 'broker-unsafe'],
  }),
  /** Its history goes with it, as there would be no way to ask for it. Its tasks stay: they have been submitted. */
  deleteSchedule: del('/v1/schedules/{id}', {
    role: 'submitter',
    summary: 'Delete a schedule',
    params: byId,
    query: ofBusiness,
    versioned: true,
    answers: { 204: null },
    problems: ['not-found', 'managed-elsewhere'],
  }),
  pauseSchedule: post('/v1/schedules/{id}/pause', {
    role: 'submitter',
    summary: 'Make no fires until it is resumed; paused again, it gets the new reason',
    params: byId,
    query: ofBusiness,
    body: schedulePauseInput,
    bodyOptional: true,
    answers: { 200: schedule },
    problems: ['not-found', 'managed-elsewhere'],
  }),
  resumeSchedule: post('/v1/schedules/{id}/resume', {
    role: 'submitter',
    summary: 'Fire again from now on: what fell into the pause is not made up for',
    params: byId,
    query: ofBusiness,
    body: scheduleResumeInput,
    bodyOptional: true,
    answers: { 200: schedule },
    problems: ['not-found', 'managed-elsewhere'],
  }),
  /** It is no change of the schedule: one that the configuration manages can be run, too. */
  runSchedule: post('/v1/schedules/{id}/run', {
    role: 'submitter',
    summary: 'Make a fire now, whatever plan, pause and overlap say; answers its first task',
    params: byId,
    query: ofBusiness,
    body: scheduleRunInput,
    bodyOptional: true,
    answers: { 201: task },
    problems: ['not-found', 'wrong-state', 'broker-unsafe'],
  }),
  previewStoredSchedule: get('/v1/schedules/{id}/preview', {
    role: 'viewer',
    summary: 'When it fires next, as if it were not paused',
    params: byId,
    query: strict({ ...business, ...previewQuery }),
    answers: { 200: preview },
    problems: ['not-found'],
  }),
  listScheduleFires: get('/v1/schedules/{id}/fires', {
    role: 'viewer',
    summary: 'The history of a schedule, the latest logical time first',
    params: byId,
    query: strict({ ...business, ...pageQuery }),
    answers: { 200: fires },
    problems: ['not-found'],
  }),
  listFires: get('/v1/fires', {
    role: 'viewer',
    summary: 'The history of all schedules, the latest logical time first; or fires to come',
    description:
      'A call looks at 2,000 lines of each queue at most. Where a filter fits few of them, a page is short or even empty although more follow: go on until next_cursor is null. ' +
      'With outcome=planned, or from a time in the future on, the next fire of each schedule that is not paused is listed, the earliest first, at most 1,000.',
    query: strict(
      {
        schedule_id: resourceId.optional(),
        ...business,
        owner: label.optional(),
        outcome: words(outcomeFilter, 'How they went. planned stands alone: fires that are still to come'),
        task_state: words(endFilter, 'The worst end of their tasks'),
        ...span,
        ...pageQuery,
      },
      ['group_by', 'timezone'],
    ),
    answers: { 200: fires },
    problems: ['not-found'],
  }),
};
