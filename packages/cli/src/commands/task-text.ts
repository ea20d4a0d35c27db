// The output of `tasks show`: one task and its attempts, for people.

import type { Attempt, Task } from '@task-center/api';
import { cut, oneLine, pairs, table, type Column, type Paint } from '../output.ts';

/** A longer text is cut, because each one has a line. */
const MAX_WIDTH = 200;

/** A body that is no UTF-8 has no text to show. */
function bodyNote(response: Attempt['response']): string | undefined {
  return response?.['body_base64'] === undefined ? undefined : '(body is not text: --json has it in base64)';
}

/** The last column: the status of a success, else the error; the reason of the decision, and the next attempt. */
function detailText({ outcome, error, reason, next_at: next, response }: Attempt): string {
  const status = outcome === 'succeeded' ? response?.['status'] : error?.message;
  const parts = [status, reason === null ? undefined : `(${reason})`, bodyNote(response)];
  const why = parts.filter((part) => part !== undefined && part !== '').join(' ');
  return next === null ? why : `${why}; next ${next}`;
}

/** The table of attempts, in the order in which they ran. */
const ATTEMPTS: readonly Column<Attempt>[] = [
  { title: 'attempt', right: true, text: ({ number }) => String(number) },
  { title: 'started', text: ({ started_at: at }) => at },
  { title: 'waited', right: true, text: ({ wait_ms: ms }) => (ms === null ? '-' : `${ms} ms`) },
  { title: 'took', right: true, text: ({ duration_ms: ms }) => `${ms} ms` },
  { title: 'outcome', text: ({ outcome }) => outcome },
  { title: '', text: (attempt) => cut(detailText(attempt), MAX_WIDTH) },
];

/** The JSON texts of payload and result, with every digit of their numbers. Null = the answer has none. */
export interface RawParts {
  readonly payload: string | null;
  readonly result: string | null;
}

/** Bytes that are no text, marked: base64 looks like a text. */
const bytesText = (base64: string): string =>
  cut(`${Buffer.byteLength(base64, 'base64')} bytes in base64: ${base64}`, MAX_WIDTH);

/** The payload in the form in which it was submitted, cut; null = none. */
function payloadText(task: Task, raw: string | null): string | null {
  if (task.payload_base64 !== undefined) return bytesText(task.payload_base64);
  const text = task.payload_text ?? raw;
  return text === null || text === 'null' ? null : cut(text, MAX_WIDTH);
}

/** The result, cut; null = none. */
function resultText({ result, result_content_type: type }: Task, raw: string | null): string | null {
  if (type === 'application/octet-stream' && typeof result === 'string') return bytesText(result);
  return raw === 'null' || raw === null ? null : cut(raw, MAX_WIDTH);
}

/** Colours of states; others have none. */
const STATE_STYLE = { completed: 'green', archived: 'red', retry: 'yellow', active: 'cyan' } as const;

/** The state in its colour. */
function stateText(state: Task['state'], paint: Paint): string {
  const style = (STATE_STYLE as Partial<Record<Task['state'], 'green' | 'red' | 'yellow' | 'cyan'>>)[state];
  return style === undefined ? state : paint(style, state);
}

/** What a request to cancel has led to. */
const cancelTitle = (state: Task['state']): string =>
  ({ cancelled: 'cancelled', completed: 'cancel came too late' })[state as string] ?? 'cancel requested';

/** Why, by whom and when somebody asked to cancel a task. */
const cancelText = ({ reason, by, at }: NonNullable<Task['cancel']>): string =>
  [reason, by && `by ${by}`, at].filter(Boolean).join(', ');

/** Where attempts failed. One that failed as another one did is not shown again. */
function stackTexts(attempts: readonly Attempt[]): string[] {
  const shown = new Set<string>();
  return attempts.flatMap(({ number, error }) => {
    const stack = error?.stack;
    if (stack === undefined || shown.has(stack)) return [];
    shown.add(stack);
    return ['', `attempt ${number} failed:`, ...stack.split('\n').map((line) => `  ${oneLine(line)}`)];
  });
}

/** A task with its attempts, for people. Facts without a value are left out. */
export function taskText(task: Task, raw: RawParts, paint: Paint): string {
  const { callback, attempts = [], last_error: error, cancel } = task;
  const title = `${paint('bold', oneLine(task.id))}  ${stateText(task.state, paint)}`;
  const facts = pairs([
    ['type', task.type],
    ['queue', task.queue],
    ['callback', callback ? `${callback.method} ${callback.url}` : null],
    ['payload', payloadText(task, raw.payload)],
    ['result', resultText(task, raw.result)],
    ['business', task.business_id],
    ['user', task.user_id],
    ['trace', task.trace_id],
    ['created', task.created_at],
    ['due', task.due_at],
    ['finished', task.finished_at],
    ['kept until', task.purge_at],
    ['attempts', `${task.attempt} of ${task.max_attempts}`],
    ['given back', task.deferrals === 0 ? null : `${task.deferrals} times`],
    ['waits for', task.waiting_for],
    // The errors of a completed task no longer matter; the table of attempts still shows them.
    ['error', task.state === 'completed' ? null : error?.message],
    [cancelTitle(task.state), cancel && cancelText(cancel)],
    ['delivery', callback ? task.delivery_id : null],
  ]);
  const attemptTable = attempts.length === 0 ? [] : ['', table(ATTEMPTS, attempts, paint)];
  return [title, facts, ...attemptTable, ...stackTexts(attempts)].join('\n');
}
