import { shown, TaskCenterError } from '../errors/task-center-error.ts';

const SEPARATOR = '.';
const ID = /^[A-Za-z0-9_:-]{1,100}$/;

/** Whether a client may choose this ID. */
export function isTaskId(id: string): boolean {
  return ID.test(id);
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
    expected: '1 to 100 of the characters A-Z a-z 0-9 _ : -',
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
