import * as z from 'zod';
import { strict } from './strict.ts';
import { LISTED_STATES } from './task.ts';

const counts = z.record(z.enum(LISTED_STATES), z.int());
const place = z.object({ counts: counts.nullable(), paused: z.boolean() });

/** A logical queue: its handler tasks and its callbacks together, `by_kind` shows the split. */
export const queue = z.object({
  name: z.string(),
  priority: z.enum(['critical', 'high', 'normal', 'low']).nullable(),
  paused: z.boolean().meta({ description: 'Either kind is' }),
  pause_reason: z.string().nullable(),
  counts: counts.nullable().meta({ description: 'Null for keys that are bound to businesses' }),
  by_kind: z.object({ handler: place, callback: place }),
  oldest_pending_ms: z.int().nullable(),
});

export const pauseInput = strict({ reason: z.string().min(1).max(256).optional() }, ['for']);
export const resumeInput = strict({}, ['reason']);

export type Queue = z.output<typeof queue>;
