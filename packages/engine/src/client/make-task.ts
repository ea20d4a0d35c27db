import { storedQueue, storedTaskId, type Backoff, type TaskContext, type TaskKind } from '@task-center/model';
import type { NewTask } from '../broker/submit.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { NO_META, type TaskMeta } from '../task/meta.ts';

// The one way from a submission to a task that a broker stores. The library's client and the HTTP service check what
// they are given by their own limits, and complete it here by their own defaults.
// See docs/design/protocol.md#building-a-task.

/**
 * What a caller said about a task, checked. A field that is undefined was not given. Durations are in ms, times are
 * wall-clock ms.
 */
export interface TaskDraft {
  readonly kind: TaskKind;
  /** The logical queue. */
  readonly queue: string;
  /** Its owner's ID of the task, without the business. Default: a new one. */
  readonly id: string | undefined;
  readonly type: string;
  /** Null = none. */
  readonly payload: Uint8Array | null;
  readonly context: TaskContext;
  /** All headers, with those of the context: `headersWith`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly maxRetries: number | undefined;
  readonly backoff: Backoff | undefined;
  /** Longest attempt; 0 = no limit. */
  readonly timeoutMs: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly retentionMs: number | undefined;
  readonly delayMs: number | undefined;
  readonly runAtMs: number | undefined;
  readonly uniqueMs: number | undefined;
  readonly group: string | undefined;
  /** What is stored with it beyond the fields above. */
  readonly meta: Omit<TaskMeta, 'business' | 'backoff' | 'timeoutMs'>;
}

/** What applies to a task that does not say otherwise. */
export interface DraftDefaults {
  readonly maxRetries: number;
  readonly timeoutMs: number;
  /** The timeout of a task that has a deadline; 0 = no limit. */
  readonly timeoutWithDeadlineMs: number;
  readonly retentionMs: number;
}

/** What Asynq's message cannot hold: the business, a backoff of the task's own, and a timeout with parts of a second. */
function metaOf({ context, backoff, meta }: TaskDraft, timeoutMs: number): TaskMeta {
  const hasOddTimeout = timeoutMs % 1_000 !== 0;
  if (meta === NO_META && context.businessId === undefined && backoff === undefined && !hasOddTimeout)
    return NO_META;
  return {
    ...meta,
    ...(context.businessId !== undefined && { business: context.businessId }),
    ...(backoff !== undefined && { backoff }),
    ...(hasOddTimeout && { timeoutMs }),
  };
}

function timeoutOf({ timeoutMs, deadlineMs }: TaskDraft, defaults: DraftDefaults): number {
  return timeoutMs ?? (deadlineMs === undefined ? defaults.timeoutMs : defaults.timeoutWithDeadlineMs);
}

/** Completes a draft. The result is complete: brokers decide nothing about a task. */
export function makeTask(
  draft: TaskDraft,
  defaults: DraftDefaults,
  { newId }: Pick<Runtime, 'newId'>,
): NewTask {
  const { context, headers } = draft;
  const timeoutMs = timeoutOf(draft, defaults);
  return {
    queue: storedQueue(draft.queue, draft.kind),
    id: storedTaskId(draft.id ?? newId(), context.businessId ?? null),
    type: draft.type,
    payload: draft.payload,
    headers,
    maxRetries: draft.maxRetries ?? defaults.maxRetries,
    timeoutMs,
    deadlineMs: draft.deadlineMs ?? 0,
    retentionMs: draft.retentionMs ?? defaults.retentionMs,
    delayMs: draft.delayMs ?? 0,
    runAtMs: draft.runAtMs ?? 0,
    uniqueMs: draft.uniqueMs ?? 0,
    group: draft.group ?? null,
    meta: metaOf(draft, timeoutMs),
  };
}
