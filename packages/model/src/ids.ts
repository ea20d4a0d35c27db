import { CONTROL_CHARACTERS, fitsBytes } from './texts.ts';

/** Stands between a business and an ID, and is therefore forbidden in IDs. */
const SEPARATOR = '.';
const MAX_ID_BYTES = 255;
const FORBIDDEN_IN_IDS = new RegExp(`[${SEPARATOR}${CONTROL_CHARACTERS}]`, 'u');
const FORBIDDEN_IN_BUSINESSES = new RegExp(`[${CONTROL_CHARACTERS}]`, 'u');

/** The IDs of schedules and calendars, which stand in URLs and configuration. */
export const RESOURCE_ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,63}$';
const RESOURCE_ID = new RegExp(RESOURCE_ID_PATTERN);

/** Whether it may be the ID of a schedule or a calendar. */
export const isResourceId = (id: unknown): id is string => typeof id === 'string' && RESOURCE_ID.test(id);

/** Whether a client may choose this ID. The HTTP API accepts fewer IDs. */
export function isTaskId(id: string): boolean {
  if (typeof id !== 'string') return false;
  return id.trim() !== '' && id.isWellFormed() && fitsBytes(id, MAX_ID_BYTES) && !FORBIDDEN_IN_IDS.test(id);
}

/** Whether it may be the ID of a business. The HTTP API accepts fewer. */
export function isBusinessId(id: string): boolean {
  const isText = id.trim() !== '' && id.isWellFormed() && !FORBIDDEN_IN_BUSINESSES.test(id);
  return isText && fitsBytes(id, MAX_ID_BYTES);
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
