import * as z from 'zod';
import { strict } from '../strict.ts';
import { LISTED_STATES, shownPriority } from '../tasks/schemas.ts';

/** States whose tasks are counted: those that are listed, and those of groups. */
export const COUNTED_STATES = [...LISTED_STATES, 'aggregating'] as const;
const counts = z.record(z.enum(COUNTED_STATES), z.int());
const kindCounts = z.object({ counts: counts.nullable(), paused: z.boolean() });

/** A logical queue: its handler tasks and its callbacks together. `by_kind` shows them apart. */
export const queue = z.object({
  name: z.string(),
  priority: shownPriority,
  paused: z.boolean().meta({ description: 'Whether the tasks of either kind are paused' }),
  pause_reason: z.string().nullable(),
  counts: counts
    .nullable()
    .meta({ description: 'Tasks by state; null for keys that are bound to businesses' }),
  by_kind: z.object({ handler: kindCounts, callback: kindCounts }),
  oldest_aggregating_ms: z
    .int()
    .nullable()
    .meta({ description: 'How long ago the first task joined a group that it has not left, ms' }),
  oldest_pending_ms: z.int().nullable().meta({ description: 'Age of the task that is next to run, ms' }),
});

/** `POST /v1/queues/{name}/pause` and `…/resume` */
export const pauseInput = strict({ reason: z.string().min(1).max(256).optional() }, ['for']);
export const resumeInput = strict({}, ['reason']);

export type CountedState = (typeof COUNTED_STATES)[number];
export type Queue = z.output<typeof queue>;
