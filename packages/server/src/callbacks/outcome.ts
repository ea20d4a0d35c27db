/**
 * Decides what follows from an exchange: success, a retry or a dead letter. In this order: the answer header
 * `task-center-retry`, a 2xx, then the default for the status or fault. Pure.
 */
import { STATUS_CODES } from 'node:http';
import type { FailureHints } from '@task-center/engine';
import { MAX_RESULT_BYTES } from './answer-body.ts';
import type { Answer, Delivered } from './deliver.ts';
import type { Fault } from './faults.ts';
import { parseHttpDateMs, parseRetryAfterMs, parseRetryDirective } from './retry-hints.ts';

type Decision = Pick<FailureHints, 'retryable' | 'retryAfterMs'> & { readonly reason: string };

/** The outcome of an attempt: the task's result, or why it failed and whether to retry. */
export type CallbackOutcome =
  | {
      readonly ok: true;
      /** Null = the body was empty or too long to keep. */
      readonly result: Uint8Array | null;
    }
  | { readonly ok: false; readonly message: string; readonly hints: FailureHints };

/**
 * Statuses that another attempt would not change: the task fails at once. docs/design/http-api.md#callbacks lists
 * them.
 */
const FINAL_STATUSES = new Set([
  301, 308, 400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501, 505,
]);
const FINAL_FAULTS = new Set<string>(['blocked_address', 'invalid_url']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const seconds = (ms: number) => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);
const group = (status: number) => `${Math.floor(status / 100)}xx`;
const isSuccess = (status: number) => status >= 200 && status < 300;

/** An incomplete body is no result. */
function resultOf({ bytes, size, cut }: Answer): Uint8Array | null {
  return cut || size === 0 || size > MAX_RESULT_BYTES ? null : bytes;
}

/** The decision of the answer's `task-center-retry`; null = none, or it does not matter (`no` beside a success). */
function decideByHeader({ status, headers }: Answer): Decision | null {
  const directive = parseRetryDirective(headers['task-center-retry']);
  if (directive === null) return null;
  if (!directive.retry)
    return isSuccess(status) ? null : { retryable: false, reason: 'task-center-retry: no' };
  if (directive.afterMs === null) return { reason: 'task-center-retry: yes' };
  return { retryAfterMs: directive.afterMs, reason: `task-center-retry: ${seconds(directive.afterMs)}` };
}

function decideByStatus(status: number): Decision {
  return FINAL_STATUSES.has(status)
    ? { retryable: false, reason: `default: ${status} fails at once` }
    : { reason: `default: ${group(status)} retry` };
}

/** Adds the answer's `Retry-After` to a decision to retry that has no delay of its own. */
function withRetryAfter(decision: Decision, { headers }: Answer, nowMs: number): Decision {
  if (decision.retryable === false || decision.retryAfterMs !== undefined) return decision;
  const afterMs = parseRetryAfterMs(headers['retry-after'], parseHttpDateMs(headers['date']) ?? nowMs);
  if (afterMs === null) return decision;
  return {
    ...decision,
    retryAfterMs: afterMs,
    reason: `${decision.reason}; retry-after ${seconds(afterMs)}`,
  };
}

function failedByStatus(answer: Answer, decision: Decision, nowMs: number): CallbackOutcome {
  const { status, headers } = answer;
  const text = STATUS_CODES[status];
  const redirect = REDIRECTS.has(status) && headers['location'] !== undefined;
  return {
    ok: false,
    message: text === undefined ? String(status) : `${status} ${text}`,
    hints: {
      ...withRetryAfter(decision, answer, nowMs),
      status,
      errorClass: redirect ? 'redirect' : 'http_status',
    },
  };
}

function failedByFault(fault: Fault, answer: Answer | null): CallbackOutcome {
  const final = FINAL_FAULTS.has(fault.class);
  return {
    ok: false,
    message: fault.message,
    hints: {
      errorClass: fault.class,
      ...(fault.class !== 'cancelled' && {
        reason: `default: ${fault.class} ${final ? 'fails at once' : 'retry'}`,
      }),
      ...(final && { retryable: false }),
      ...(answer && { status: answer.status }),
    },
  };
}

/** The outcome of an exchange. `nowMs`: wall-clock ms, for a `Retry-After` that is a date. */
export function outcomeOf(
  { answer, fault }: Pick<Delivered, 'answer' | 'fault'>,
  nowMs: number,
): CallbackOutcome {
  if (fault) return failedByFault(fault, answer);
  if (!answer) throw new TypeError('an exchange ends with an answer or a fault');
  const decision = decideByHeader(answer);
  if (decision) return failedByStatus(answer, decision, nowMs);
  if (isSuccess(answer.status)) return { ok: true, result: resultOf(answer) };
  return failedByStatus(answer, decideByStatus(answer.status), nowMs);
}
