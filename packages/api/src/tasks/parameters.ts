// Parameters in the path and the query of the operations on tasks.

import * as z from 'zod';
import { TASK_KINDS } from '@task-center/model';
import { pageQuery } from '../page.ts';
import { choice, strict } from '../strict.ts';
import { businessId, queueName, taskId } from '../values.ts';
import { LISTED_STATES, TASK_PARTS } from './schemas.ts';

const kind = z.enum(TASK_KINDS).meta({ id: 'TaskKind' });
const partNames = z.array(z.enum(TASK_PARTS).meta({ id: 'TaskPart' })).min(1);

/** `include=payload,attempts`: the parts of a task that an answer adds, with commas between them. */
export const include = z
  .string()
  .transform((text, context) => {
    const words = text.split(',');
    // Checked here and not by the pipe: its issues would point into a list, and the client sent a text.
    if (!partNames.safeParse(words).success)
      context.addIssue({
        code: 'custom',
        message: `must name parts from ${TASK_PARTS.join(', ')}, with commas between them`,
      });
    return words;
  })
  .pipe(partNames);

/** The path's `{id}`: the ID as the task's owner knows it. */
export const idParams = strict({ id: taskId });

/** Selects one task where several have the same ID: another queue, kind or business. */
export const pick = {
  queue: queueName.optional(),
  kind: kind.optional(),
  business_id: businessId.optional(),
};

/**
 * A list covers one queue and one state, because the broker indexes tasks by these. The names at the end are reserved: a
 * later version will accept them as filters.
 */
export const listQuery = strict(
  {
    queue: queueName,
    state: choice(LISTED_STATES, ['blocked', 'awaiting', 'aggregating']).meta({ id: 'ListedState' }),
    kind: kind.optional(),
    ...pageQuery,
    include: include.optional(),
  },
  'type business_id user_id trace_id schedule_id batch_id tag error_class error_contains text sort fields'
    .concat(' created_after created_before due_after due_before finished_after finished_before')
    .split(' '),
);
