import { STATUS_CODES } from 'node:http';
import type { FailureHints } from '@task-center/engine';
import { MAX_RESULT_BYTES } from './answer-body.ts';
import type { Answer, Delivered } from './deliver.ts';
import type { Fault } from './faults.ts';
import { parseRetryAfterMs, parseRetryDirective } from './retry-hints.ts';

type Decision = Pick<FailureHints, 'retryable' | 'retryAfterMs'> & { readonly reason: string };

/** What became of an attempt: the task's result, or why it failed and what follows. */
export type CallbackOutcome =
  | {
      readonly ok: true;
      /** Null = an empty body, or one that is too long to keep. */
      readonly result: Uint8Array | null;
    }
  | { readonly ok: false; readonly message: string; readonly hints: FailureHints };

/** Statuses that another attempt would not change (api 5, "fail at once"). */
const FINAL_STATUSES = new Set([
  301, 308, 400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501, 505,
]);
const FINAL_FAULTS = new Set<string>(['blocked_address', 'invalid_url']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const seconds = (ms: number) => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);
const group = (status: number) => `${Math.floor(status / 100)}xx`;
const succeeded = (status: number) => status >= 200 && status < 300;

function resultOf({ bytes, size, cut }: Answer): Uint8Array | null {
  return cut || size === 0 || size > MAX_RESULT_BYTES ? null : bytes;
}

/** The receiver's wish, where it decides (api 5, order: the header, rules, defaults). */
function wished({ status, headers }: Answer): Decision | null {
  const wish = parseRetryDirective(headers['task-center-retry']);
  if (wish === null) return null;
  if (!wish.retry) return succeeded(status) ? null : { retryable: false, reason: 'task-center-retry: no' };
  if (wish.afterMs === null) return { reason: 'task-center-retry: yes' };
  return { retryAfterMs: wish.afterMs, reason: `task-center-retry: ${seconds(wish.afterMs)}` };
}

function byDefault(status: number): Decision {
  return FINAL_STATUSES.has(status)
    ? { retryable: false, reason: `default: ${status} fails at once` }
    : { reason: `default: ${group(status)} retry` };
}

function withRetryAfter(decision: Decision, { headers }: Answer, nowMs: number): Decision {
  if (decision.retryable === false || decision.retryAfterMs !== undefined) return decision;
  const afterMs = parseRetryAfterMs(headers['retry-after'], nowMs);
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
      reason: final ? `default: ${fault.class} fails at once` : `default: ${fault.class} retry`,
      ...(final && { retryable: false }),
      ...(answer && { status: answer.status }),
    },
  };
}

/** What follows from an exchange. `nowMs`: wall clock, for a `Retry-After` that is a date. */
export function outcomeOf(
  { answer, fault }: Pick<Delivered, 'answer' | 'fault'>,
  nowMs: number,
): CallbackOutcome {
  if (fault) return failedByFault(fault, answer);
  if (!answer) throw new TypeError('an exchange ends with an answer or a fault');
  const wish = wished(answer);
  if (wish) return failedByStatus(answer, wish, nowMs);
  if (succeeded(answer.status)) return { ok: true, result: resultOf(answer) };
  return failedByStatus(answer, byDefault(answer.status), nowMs);
}
