import * as z from 'zod';
import { strict } from '../strict.ts';
import { LISTED_STATES, shownPriority } from '../tasks/schemas.ts';
import { spanFigures } from '../metrics/schemas.ts';
import { reason } from '../values.ts';

/** States whose tasks are counted: those that are listed, and those of groups. */
export const COUNTED_STATES = [...LISTED_STATES, 'aggregating'] as const;
const tasksInState = z.int().min(0);
const counts = z
  .object(
    Object.fromEntries(COUNTED_STATES.map((state) => [state, tasksInState])) as {
      [S in CountedState]: typeof tasksInState;
    },
  )
  .meta({ id: 'QueueCounts', description: 'Tasks by state' });
const kindCounts = z.object({ counts: counts.nullable(), paused: z.boolean() }).meta({ id: 'QueueKind' });
const byKind = z.object({ handler: kindCounts, callback: kindCounts }).meta({ id: 'QueueKinds' });

const perSecond = z.number().min(0);
const rates = z.object({ enqueued: perSecond, succeeded: perSecond, failed: perSecond }).meta({
  id: 'QueueRates',
  description:
    'What happened in the last full minute, per s: tasks that were enqueued, attempts that ended. It is as old as 70 s. Null for keys that are bound to businesses',
});

/** A logical queue: its handler tasks and its callbacks together. `by_kind` shows them apart. */
export const queue = z
  .object({
    name: z.string(),
    priority: shownPriority,
    paused: z.boolean().meta({ description: 'Whether the tasks of either kind are paused' }),
    pause_reason: z.string().nullable(),
    counts: counts
      .nullable()
      .meta({ description: 'Tasks by state; null for keys that are bound to businesses' }),
    by_kind: byKind,
    oldest_aggregating_ms: z
      .int()
      .nullable()
      .meta({ description: 'How long ago the first task joined a group that it has not left, ms' }),
    oldest_pending_ms: z.int().nullable().meta({ description: 'Age of the task that is next to run, ms' }),
    rates: rates.nullable(),
    error_rate: z.number().nullable().meta({
      description: 'Part of the attempts of the last full minute that failed, 0 to 1; null = none ended',
    }),
    wait_ms: spanFigures.nullable().meta({
      description:
        'How long tasks waited once they were due, in the last full minute, ms; null = no attempt ended',
    }),
    run_ms: spanFigures
      .nullable()
      .meta({ description: 'How long attempts ran, in the last full minute, ms; null = none ended' }),
    memory_bytes: z.int().min(0).nullable().meta({
      description:
        'Estimate of the bytes that its tasks take in the broker, renewed once a minute; null before the first time, and for keys that are bound to businesses',
    }),
  })
  .meta({
    id: 'Queue',
    description: 'A queue: its handler tasks and its callbacks together, and apart in by_kind',
  });

/** `POST /v1/queues/{name}/pause` and `…/resume` */
export const pauseInput = strict({ reason: reason.optional() }, ['for']).meta({ id: 'PauseInput' });
export const resumeInput = strict({}, ['reason']).meta({ id: 'ResumeInput' });

export type CountedState = (typeof COUNTED_STATES)[number];
export type Queue = z.output<typeof queue>;
