import {
  CONTEXT_FIELDS,
  isBusinessId,
  MAX_HEADERS,
  MAX_HEADERS_BYTES,
  NO_HEADERS,
  type TaskContext,
} from '@task-center/model';
import { callCheck, createNamesCheck } from '../checks/options.ts';
import { passes } from '../checks/values.ts';
import { invalidValue, shown, TaskCenterError } from '../errors/task-center-error.ts';
import { isPlain } from './json-losses.ts';

// Headers and context of a task are stored as texts, side by side. Redis cannot write another value, SQLite would hand it to
// the handler as it is, and a program in Go could not read it.

export type TaskHeaders = Readonly<Record<string, string>>;

const TEXT = 'a text of valid Unicode';

const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed();

/**
 * Checks that the texts of a task can be stored. What a schedule stores may be older than a check, or come from another program.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkTexts({
  type,
  group,
  headers,
}: {
  readonly type: string;
  readonly group: string | null;
  readonly headers: TaskHeaders;
}): void {
  if (!isText(type)) throw invalidValue('type', type, TEXT);
  if (group !== null && !isText(group)) throw invalidValue('group', group, TEXT);
  for (const [name, value] of Object.entries(headers)) checkHeaderTexts(name, value);
}

function checkHeaderTexts(name: string, value: unknown): asserts value is string {
  if (!name.isWellFormed()) throw invalidValue('The name of a header', name.toWellFormed(), TEXT);
  if (!isText(value)) throw invalidValue(`headers[${shown(name)}]`, value, TEXT);
}

/** Anything else loses its entries when it is copied, such as a `Map` or the `Headers` of a request. */
function checkIsPlain(headers: unknown): void {
  const isPlainObject = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && isPlain(value);
  if (passes(isPlainObject, headers)) return;
  throw invalidValue('headers', headers, 'an object of texts');
}

/** @param units code units of names and values, which take one to three bytes each */
function checkSize(headers: TaskHeaders, names: readonly string[], units: number): void {
  if (names.length <= MAX_HEADERS && units * 3 <= MAX_HEADERS_BYTES) return;
  const bytes = names.reduce(
    (sum, name) => sum + Buffer.byteLength(name) + Buffer.byteLength(headers[name]!),
    0,
  );
  if (names.length <= MAX_HEADERS && bytes <= MAX_HEADERS_BYTES) return;
  throw new TaskCenterError('invalid-value', {
    name: 'headers',
    got: `${names.length} headers of ${bytes} bytes`,
    expected: `at most ${MAX_HEADERS} headers of ${MAX_HEADERS_BYTES} bytes, names, values and the context together`,
  });
}

/**
 * Returns the headers of a task, with those of its context.
 *
 * @param headers a copy, which cannot change any more
 * @throws TaskCenterError `invalid-value`
 */
export function checkedHeaders(headers: TaskHeaders): TaskHeaders {
  const names = Object.keys(headers);
  let units = 0;
  for (const name of names) {
    const value: unknown = headers[name];
    checkHeaderTexts(name, value);
    units += name.length + value.length;
  }
  checkSize(headers, names, units);
  return headers;
}

/**
 * The headers of a single task over those that all tasks of its type have.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function mergeHeaders(shared: TaskHeaders | undefined, own: TaskHeaders | undefined): TaskHeaders {
  if (shared !== undefined) checkIsPlain(shared);
  if (own !== undefined) checkIsPlain(own);
  if (shared === undefined) return own ?? NO_HEADERS;
  return own === undefined ? shared : { ...shared, ...own };
}

const checkContextNames = createNamesCheck<TaskContext>('context', {
  businessId: true,
  userId: true,
  traceparent: true,
  tracestate: true,
});

/** The fields of a context, which may be of a class. @throws TaskCenterError `invalid-value` */
export const checkedContext = (given: TaskContext): TaskContext =>
  callCheck('context', () => readContext(given));

function readContext(given: TaskContext): TaskContext {
  checkContextNames(given, 'context');
  const context: Record<string, string> = {};
  for (const field of CONTEXT_FIELDS) {
    const value: unknown = given[field];
    if (value === undefined) continue;
    if (!isText(value)) throw invalidValue(`context.${field}`, value, TEXT);
    context[field] = value;
  }
  const { businessId } = context;
  if (businessId === undefined || isBusinessId(businessId)) return context;
  throw invalidValue(
    'context.businessId',
    businessId,
    '1 to 255 bytes, not blank, without control characters',
  );
}
