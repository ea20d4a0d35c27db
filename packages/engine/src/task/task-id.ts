import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/** Stands between a business and an ID, and is therefore forbidden in IDs. */
const SEPARATOR = '.';
const MAX_LENGTH_BYTES = 255;
// Control characters break logs and terminals.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[.\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Whether a client may choose this ID. The HTTP API accepts fewer IDs. */
export function isTaskId(id: string): boolean {
  return (
    id.trim() !== '' && id.isWellFormed() && Buffer.byteLength(id) <= MAX_LENGTH_BYTES && !FORBIDDEN.test(id)
  );
}

/**
 * Returns the ID if a client may choose it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTaskId(id: string): string {
  if (isTaskId(id)) return id;
  throw new TaskCenterError('invalid-value', {
    name: 'id',
    got: shown(id),
    expected: '1 to 255 bytes, not blank, without points and control characters',
  });
}

/** The ID under which a task is stored. The business comes first, and two businesses may therefore use the same ID. */
export function storedTaskId(id: string, business: string | null): string {
  return business === null ? id : business + SEPARATOR + id;
}

/**
 * The ID as the task's owner knows it. `business` must come from the task's own data and not from the ID: IDs that Go
 * programs chose may contain a point, too.
 */
export function plainTaskId(stored: string, business: string | null): string {
  return business !== null && stored.startsWith(business + SEPARATOR)
    ? stored.slice(business.length + 1)
    : stored;
}
