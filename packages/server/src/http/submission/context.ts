import { randomBytes } from 'node:crypto';
import { itemAt, tracestate, type CheckedTask } from '@task-center/api';
import { traceIdOf, type TaskContext } from '@task-center/engine';
import type { Principal } from '../../auth/principal.ts';
import { invalid, ProblemError } from '../../problem.ts';

type Under = readonly (string | number)[];

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const ZERO = /^00-(?:0{32}-|[0-9a-f]{32}-0{16})/;

/** The request's, as far as it is one: W3C asks that any other be dropped. */
function stateOf(headers: Headers): string | undefined {
  const read = tracestate.safeParse(headers.get('tracestate') ?? undefined);
  return read.success ? read.data : undefined;
}

/** Trace of a task: the body's, else the request's, else a new one. */
function traceOf(task: CheckedTask, headers: Headers): Pick<TaskContext, 'traceparent' | 'tracestate'> {
  const state = (text: string | undefined) => (text === undefined ? {} : { tracestate: text });
  if (task.traceparent !== undefined) return { traceparent: task.traceparent, ...state(task.tracestate) };
  if (task.trace_id !== undefined)
    return { traceparent: `00-${task.trace_id}-${hex(8)}-01`, ...state(task.tracestate) };
  const header = headers.get('traceparent') ?? '';
  if (traceIdOf(header) !== null && header.startsWith('00-') && !ZERO.test(header))
    return { traceparent: header, ...state(task.tracestate ?? stateOf(headers)) };
  const ids = hex(24);
  return { traceparent: `00-${ids.slice(0, 32)}-${ids.slice(32)}-01`, ...state(task.tracestate) };
}

/**
 * The business that a task will belong to: the body's, or the key's if it has just one.
 *
 * @throws ProblemError `business-forbidden`, `validation-failed`
 */
export function businessOf(
  asked: string | undefined,
  { businesses }: Principal,
  under: Under,
): string | null {
  if (businesses === null) return asked ?? null;
  if (asked === undefined && businesses.length === 1) return businesses[0] ?? null;
  if (asked === undefined) {
    const message = 'is required: the key has several businesses';
    throw invalid([
      itemAt({ place: 'pointer', under }, ['business_id'], { code: 'required', message, got: null }),
    ]);
  }
  if (businesses.includes(asked)) return asked;
  throw new ProblemError('business-forbidden', 'The key may not submit for this business.', {
    extra: { needed: { business_id: asked } },
  });
}

/** Whom a task belongs to, and its trace. */
export function contextFor(task: CheckedTask, business: string | null, headers: Headers): TaskContext {
  return {
    ...(business !== null && { businessId: business }),
    ...(task.user_id !== undefined && { userId: task.user_id }),
    ...traceOf(task, headers),
  };
}
