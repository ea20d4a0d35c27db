/** The context of a submitted task: business, user and trace. */
import { randomBytes } from 'node:crypto';
import { itemAt, tracestate, type CheckedTask, type ItemPath } from '@task-center/api';
import { traceIdOf, type TaskContext } from '@task-center/engine';
import type { Principal } from '../../auth/principal.ts';
import { activeTrace } from '../../observe/spans.ts';
import { invalid, ProblemError } from '../../problem.ts';

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
/** A trace or span ID of zeros, which W3C Trace Context declares invalid. */
const ZERO_IDS = /^00-(?:0{32}-|[0-9a-f]{32}-0{16})/;

/** The request's `tracestate`; an invalid one is dropped, as W3C Trace Context requires. */
function tracestateOf(headers: Headers): string | undefined {
  const read = tracestate.safeParse(headers.get('tracestate') ?? undefined);
  return read.success ? read.data : undefined;
}

/** The trace of a task: from the body, else from the request's headers, else a new one. */
function traceOf(task: CheckedTask, headers: Headers): Pick<TaskContext, 'traceparent' | 'tracestate'> {
  const state = (text: string | undefined) => (text === undefined ? {} : { tracestate: text });
  if (task.traceparent !== undefined) return { traceparent: task.traceparent, ...state(task.tracestate) };
  if (task.trace_id !== undefined)
    return { traceparent: `00-${task.trace_id}-${hex(8)}-01`, ...state(task.tracestate) };
  const active = activeTrace();
  // The span of this request has the caller's as its parent, and the task's span comes below it.
  if (active) return { ...state(task.tracestate), ...active };
  const header = headers.get('traceparent') ?? '';
  if (traceIdOf(header) !== null && header.startsWith('00-') && !ZERO_IDS.test(header))
    return { traceparent: header, ...state(task.tracestate ?? tracestateOf(headers)) };
  const ids = hex(24);
  return { traceparent: `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`, ...state(task.tracestate) };
}

/**
 * The business that a task belongs to: the one in the body, or the key's only one; null = none.
 *
 * @throws ProblemError `business-forbidden`, `validation-failed`
 */
export function businessOf(
  requested: string | undefined,
  { businesses }: Principal,
  basePath: ItemPath,
): string | null {
  if (businesses === null) return requested ?? null;
  if (requested === undefined && businesses.length === 1) return businesses[0] ?? null;
  if (requested === undefined) {
    const message = 'is required: the key has several businesses';
    throw invalid([
      itemAt({ location: 'pointer', basePath }, ['business_id'], {
        code: 'required',
        message,
        got: null,
      }),
    ]);
  }
  if (businesses.includes(requested)) return requested;
  throw new ProblemError('business-forbidden', 'The key may not submit for this business.', {
    extra: { needed: { business_id: requested } },
  });
}

/** The whole context of a task. */
export function contextFor(task: CheckedTask, business: string | null, headers: Headers): TaskContext {
  return {
    ...(business !== null && { businessId: business }),
    ...(task.user_id !== undefined && { userId: task.user_id }),
    ...traceOf(task, headers),
  };
}
