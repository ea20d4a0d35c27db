// Operations on tasks. docs/design/http-api.md#resources explains what each one does. These rows say who may call it, what it
// takes and what it returns.

import { pageOf } from '../page.ts';
import { resource } from '../route.ts';
import { strict } from '../strict.ts';
import { singleTaskInput } from './input.ts';
import { idParams, include, listQuery, pick } from './parameters.ts';
import { cancelAnswer, cancelInput, task } from './schemas.ts';

const { get, post, del } = resource('tasks');

export const taskRoutes = {
  submitTask: post('/v1/tasks', {
    role: 'submitter',
    summary: 'Submit a task',
    query: strict({}, ['dry_run']),
    body: singleTaskInput,
    requestHeaders: ['traceparent', 'tracestate'],
    answers: { 201: task },
    problems: ['task-exists', 'url-blocked', 'business-forbidden', 'broker-unsafe'],
    // The stored task says who submitted it and when; a line of the log for each would only repeat that.
    audit: false,
  }),
  /** A key that is bound to businesses sees only their tasks, so a page may be short even if another one follows. */
  listTasks: get('/v1/tasks', {
    role: 'viewer',
    summary: 'Tasks of one queue in one state',
    query: listQuery,
    answers: { 200: pageOf('TaskPage', task) },
  }),
  getTask: get('/v1/tasks/{id}', {
    role: 'viewer',
    summary: 'A task with payload, callback and result; with its attempts if included',
    params: idParams,
    query: strict({ ...pick, include: include.optional() }, ['wait', 'fields']),
    answers: { 200: task },
    problems: ['not-found', 'task-id-ambiguous'],
  }),
  /**
   * The body only carries a reason. A task that runs answers `requested`, one that has ended `already_finished`: repeating a call
   * does no harm. Only a task that waits in a group is refused.
   */
  cancelTask: post('/v1/tasks/{id}/cancel', {
    role: 'submitter',
    summary: 'Cancel a task: one that waits never starts, one that runs is asked to stop',
    params: idParams,
    query: strict(pick),
    body: cancelInput,
    bodyOptional: true,
    answers: { 200: cancelAnswer },
    problems: ['not-found', 'task-id-ambiguous', 'wrong-state'],
  }),
  /** Its history goes with it, and its ID can be used again. */
  deleteTask: del('/v1/tasks/{id}', {
    role: 'submitter',
    summary: 'Delete a task that does not run',
    params: idParams,
    query: strict(pick),
    answers: { 204: null },
    problems: ['not-found', 'task-id-ambiguous', 'wrong-state'],
  }),
};
