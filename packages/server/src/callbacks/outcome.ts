/**
 * Decides what follows from an exchange: success, a retry or a dead letter. In this order: the answer header
 * `task-center-retry`, a 2xx, then the default for the status or fault. Pure.
 */
import { STATUS_CODES } from 'node:http';
import type { HandlerErrorHints } from '@task-center/engine';
import { MAX_RESULT_BYTES } from './answer-body.ts';
import type { Answer, Delivered } from './deliver.ts';
import type { Fault } from './faults.ts';
import { parseHttpDateMs, readRetryAfter, readRetryDirective, type RetryDirective } from './retry-hints.ts';

type Decision = Pick<HandlerErrorHints, 'retryable' | 'retryAfter'> & { readonly reason: string };

/** What else people should know: what was cut, sent again or not understood; null = nothing. */
interface Noted {
  readonly note: string | null;
}

interface Failed extends Noted {
  readonly ok: false;
  readonly message: string;
  readonly hints: HandlerErrorHints;
}

interface Succeeded extends Noted {
  readonly ok: true;
  /** Null = the body was empty, cut or too long to keep. */
  readonly result: Uint8Array | null;
}

/** The outcome of an attempt: the task's result, or why it failed and whether to retry. */
export type CallbackOutcome = Succeeded | Failed;

/**
 * Statuses that another attempt would not change: the task fails at once. docs/design/http-api.md#callbacks lists
 * them.
 */
const FINAL_STATUSES = new Set([
  301, 308, 400, 405, 406, 410, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501, 505,
]);
const FINAL_FAULTS = new Set<string>(['invalid_url']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

const seconds = (ms: number) => (ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`);
const group = (status: number) => `${Math.floor(status / 100)}xx`;
const isSuccess = (status: number) => status >= 200 && status < 300;

/** An incomplete body is no result. */
function resultOf({ bytes, size, cut }: Answer): Uint8Array | null {
  return cut || size === 0 || size > MAX_RESULT_BYTES ? null : bytes;
}

/** The decision of the answer's `task-center-retry`; null = none, or it does not matter (`no` beside a success). */
function decideByHeader(directive: RetryDirective | null, { status }: Answer): Decision | null {
  if (directive === null) return null;
  if (!directive.retry)
    return isSuccess(status) ? null : { retryable: false, reason: 'task-center-retry: no' };
  if (directive.afterMs === null) return { reason: 'task-center-retry: yes' };
  return { retryAfter: directive.afterMs, reason: `task-center-retry: ${seconds(directive.afterMs)}` };
}

function decideByStatus(status: number): Decision {
  return FINAL_STATUSES.has(status)
    ? { retryable: false, reason: `default: ${status} fails at once` }
    : { reason: `default: ${group(status)} retry` };
}

/** Adds the delay of the answer's `Retry-After` to a decision to retry that has none of its own. */
function withRetryAfter(decision: Decision, afterMs: number | null): Decision {
  if (afterMs === null || decision.retryable === false || decision.retryAfter !== undefined) return decision;
  return {
    ...decision,
    retryAfter: afterMs,
    reason: `${decision.reason}; retry-after ${seconds(afterMs)}`,
  };
}

function failedByStatus({ status, headers }: Answer, decision: Decision): Omit<Failed, 'note'> {
  const text = STATUS_CODES[status];
  const redirect = REDIRECTS.has(status) && headers['location'] !== undefined;
  return {
    ok: false,
    message: text === undefined ? String(status) : `${status} ${text}`,
    hints: { ...decision, status, errorClass: redirect ? 'redirect' : 'http_status' },
  };
}

function failedByFault(fault: Fault): Omit<Failed, 'note'> {
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
    },
  };
}

/** What an answer decides. Its body does not matter: a receiver that has sent its status has decided. */
function outcomeOfAnswer(answer: Answer, nowMs: number): CallbackOutcome {
  const { headers, status, cut, size } = answer;
  const directive = readRetryDirective(headers['task-center-retry']);
  const retryAfter = readRetryAfter(headers['retry-after'], parseHttpDateMs(headers['date']) ?? nowMs);
  const notes = [directive.problem, retryAfter.problem, cut];
  const decision = decideByHeader(directive.value, answer);
  if (decision || !isSuccess(status)) {
    const failed = failedByStatus(
      answer,
      withRetryAfter(decision ?? decideByStatus(status), retryAfter.value),
    );
    return { ...failed, note: noteOf(notes) };
  }
  const isLong = cut === null && size > MAX_RESULT_BYTES;
  const tooLong = `the body of ${size} bytes is too long for a result (limit ${MAX_RESULT_BYTES} bytes)`;
  return { ok: true, result: resultOf(answer), note: noteOf([...notes, isLong ? tooLong : null]) };
}

const noteOf = (notes: readonly (string | null)[]): string | null =>
  notes.filter((note) => note !== null).join('; ') || null;

/** The outcome of an exchange. `nowMs`: wall-clock ms, for a `Retry-After` that is a date. */
export function outcomeOf(
  { answer, fault, resent }: Pick<Delivered, 'answer' | 'fault' | 'resent'>,
  nowMs: number,
): CallbackOutcome {
  if (!answer && !fault) throw new TypeError('an exchange ends with an answer or a fault');
  const outcome: CallbackOutcome = answer
    ? outcomeOfAnswer(answer, nowMs)
    : { ...failedByFault(fault as Fault), note: null };
  return { ...outcome, note: noteOf([resent, outcome.note]) };
}
