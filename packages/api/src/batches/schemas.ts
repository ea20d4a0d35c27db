// Submission of many tasks in one call. Each task is checked on its own and has its own outcome.

import * as z from 'zod';
import { limits } from '../limits.ts';
import { problem } from '../problem.ts';
import { strict } from '../strict.ts';
import { task } from '../tasks/schemas.ts';
import { batchDefaults, taskInput } from '../tasks/input.ts';

const tasks = z
  .array(z.record(z.string(), z.unknown()), { error: 'must be a list of tasks' })
  .min(1, { error: 'must have at least one task' })
  .max(limits.batchTasks, { error: `must have at most ${limits.batchTasks} tasks` });

/**
 * What is checked before the operation is called: only the batch as a whole. The operation then checks each task
 * together with the defaults, because a single invalid task must not fail the others.
 */
export const batchEnvelope = strict({ tasks, defaults: batchDefaults.optional() }, ['track', 'then', 'name']);

/** A batch as a client writes it, for OpenAPI and for the types of the client. */
export const batchInput = strict({
  tasks: z.array(taskInput).min(1).max(limits.batchTasks),
  defaults: batchDefaults.optional(),
}).meta({ id: 'BatchInput' });

/** The outcome of one task: `status` as a single submission would have it, with the `task` or a `problem`. */
export const batchItem = z
  .object({
    index: z.int(),
    status: z.int(),
    task: task.optional(),
    problem: problem.optional(),
  })
  .meta({ id: 'BatchItem', description: 'The outcome of one task: it has the task or the problem' });

const batchCounts = z
  .object({ created: z.int(), duplicate: z.int(), failed: z.int() })
  .meta({ id: 'BatchCounts' });

/** One item per task, in the order of the request. `id` is null because batches are not stored yet. */
export const batchAnswer = z
  .object({
    id: z.string().nullable().meta({ description: 'Null: batches are not stored yet' }),
    counts: batchCounts,
    items: z.array(batchItem),
  })
  .meta({ id: 'Batch', description: 'The outcome of each task, in the order of the request' });

export type BatchInput = z.input<typeof batchInput>;
export type BatchAnswer = z.output<typeof batchAnswer>;
export type BatchItem = z.output<typeof batchItem>;
