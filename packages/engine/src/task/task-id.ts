import { shown, TaskCenterError } from '../errors/task-center-error.ts';

const SEPARATOR = '.';
const MAX_LENGTH_BYTES = 255;
// Control characters break logs and terminals.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[.\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Whether a client may choose this ID; the HTTP API takes fewer. */
export function isTaskId(id: string): boolean {
  return (
    id.trim() !== '' && id.isWellFormed() && Buffer.byteLength(id) <= MAX_LENGTH_BYTES && !FORBIDDEN.test(id)
  );
}

/**
 * The ID, checked.
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

/** The ID under which a task is stored: a business's tasks are a space of their own (data model, forms). */
export function storedTaskId(id: string, business: string | null): string {
  return business === null ? id : business + SEPARATOR + id;
}

/** The ID as its owner knows it; `business` comes from the task's own data, never from the ID. */
export function plainTaskId(stored: string, business: string | null): string {
  return business !== null && stored.startsWith(business + SEPARATOR)
    ? stored.slice(business.length + 1)
    : stored;
}
