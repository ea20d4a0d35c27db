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

/**
 * A completed draft. A class, because each task of a batch has one: V8 may decide to allocate the objects of a literal in the old
 * generation from the start, and then keeps all that they refer to until the next full garbage collection.
 */
class CompleteTask implements NewTask {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly headers: TaskDraft['headers'];
  readonly maxRetries: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly retentionMs: number;
  readonly delayMs: number;
  readonly runAtMs: number;
  readonly uniqueMs: number;
  readonly group: string | null;
  readonly meta: TaskMeta;

  constructor(draft: TaskDraft, defaults: DraftDefaults, newId: Runtime['newId']) {
    this.queue = storedQueue(draft.queue, draft.kind);
    this.id = storedTaskId(draft.id ?? newId(), draft.context.businessId ?? null);
    this.type = draft.type;
    this.payload = draft.payload;
    this.headers = draft.headers;
    this.maxRetries = draft.maxRetries ?? defaults.maxRetries;
    this.timeoutMs = timeoutOf(draft, defaults);
    this.deadlineMs = draft.deadlineMs ?? 0;
    this.retentionMs = draft.retentionMs ?? defaults.retentionMs;
    this.delayMs = draft.delayMs ?? 0;
    this.runAtMs = draft.runAtMs ?? 0;
    this.uniqueMs = draft.uniqueMs ?? 0;
    this.group = draft.group ?? null;
    this.meta = metaOf(draft, this.timeoutMs);
  }
}

/** Completes a draft. The result is complete: brokers decide nothing about a task. */
export const makeTask = (
  draft: TaskDraft,
  defaults: DraftDefaults,
  { newId }: Pick<Runtime, 'newId'>,
): NewTask => new CompleteTask(draft, defaults, newId);
