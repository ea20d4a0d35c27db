import { CONTROL_CHARACTERS, fitsBytes } from './texts.ts';

/** How a task is run: by a handler in a worker, or as an HTTP request to its owner's service. */
export const TASK_KINDS = ['handler', 'callback'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];

/** The queues that every installation has, highest priority first (3, 2, 1, 0). */
export const BUILT_IN_QUEUES = ['critical', 'high', 'default', 'low'] as const;

const CALLBACK_SUFFIX = '~cb';
const MAX_NAME_BYTES = 255;
/** Braces in a key change its cluster slot. */
const FORBIDDEN_IN_NAMES = new RegExp(`[{}${CONTROL_CHARACTERS}]`, 'u');
/** Characters that show nothing, such as a zero-width space. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const RESERVED_ENDING = /~[A-Za-z0-9]+$/;

/** Whether a name has characters that no queue and no type may have. */
export const hasForbiddenCharacter = (name: string): boolean => FORBIDDEN_IN_NAMES.test(name);

/** Whether a name has characters that show nothing: it would look like another name. */
export const hasInvisibleCharacter = (name: string): boolean => INVISIBLE.test(name);

/** Whether each letter has one form, its accents included: the same letters in another form would be another name. */
export const isComposed = (name: string): boolean => name.normalize('NFC') === name;

/** Whether a name ends like the stored queues behind a logical queue, such as `orders~cb`. */
export const hasReservedEnding = (name: string): boolean => RESERVED_ENDING.test(name);

/** Whether a URL cannot contain the name as a segment of its path: it would mean a folder. */
export const isDotSegment = (name: string): boolean => name === '.' || name === '..';

/**
 * Why a name of a queue or a type cannot be used, or null when it can. Names keep their case and blanks, as in Asynq.
 * The HTTP API accepts fewer names.
 */
export function nameFault(name: string): string | null {
  // Callers in JavaScript pass anything.
  if (typeof name !== 'string') return 'it is no text';
  if (name.trim() === '') return 'it is blank';
  if (!name.isWellFormed()) return 'it is not valid Unicode';
  if (!fitsBytes(name, MAX_NAME_BYTES)) return `it has more than ${MAX_NAME_BYTES} bytes`;
  if (hasForbiddenCharacter(name)) return 'it has braces or control characters';
  return null;
}

/**
 * Why users cannot give a queue this name, or null when they can. Endings such as `~cb` are reserved for the stored
 * queues behind a logical queue.
 */
export function queueNameFault(name: string): string | null {
  if (typeof name === 'string' && isDotSegment(name)) return 'a URL cannot contain it';
  return (
    nameFault(name) ??
    (hasReservedEnding(name) ? 'it ends in "~" and letters or digits, which is reserved' : null)
  );
}

/**
 * The stored queue (an Asynq queue) that holds a logical queue's tasks of a kind. Callbacks have a stored queue of
 * their own: a worker of handlers, ours or one in Go, then never takes a callback.
 */
export function storedQueue(name: string, kind: TaskKind): string {
  return kind === 'callback' ? name + CALLBACK_SUFFIX : name;
}

/** The logical queue and the kind of a stored queue. */
export function logicalQueue(stored: string): { name: string; kind: TaskKind } {
  return stored.endsWith(CALLBACK_SUFFIX)
    ? { name: stored.slice(0, -CALLBACK_SUFFIX.length), kind: 'callback' }
    : { name: stored, kind: 'handler' };
}

/** Both stored queues of a logical queue, callbacks first, the order in which they are paused. */
export function storedQueues(name: string): readonly [string, string] {
  return [storedQueue(name, 'callback'), storedQueue(name, 'handler')];
}
