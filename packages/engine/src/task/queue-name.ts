import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/** How a task is run: by a handler in a worker, or as an HTTP request to its owner's service. */
export type TaskKind = 'handler' | 'callback';

/** The queues that every installation has, highest priority first (3, 2, 1, 0). */
export const BUILT_IN_QUEUES = ['critical', 'high', 'default', 'low'] as const;

const CALLBACK_SUFFIX = '~cb';
const MAX_LENGTH_BYTES = 255;
// Braces in a key change its cluster slot. Control and direction characters break logs and terminals.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[{}\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const RESERVED = /~[A-Za-z0-9]+$/;

/**
 * Why a name of a queue or a type cannot be used, or null when it can. Names keep their case and blanks, as in Asynq.
 * The HTTP API accepts fewer names.
 */
export function nameFault(name: string): string | null {
  if (name.trim() === '') return 'it is blank';
  if (!name.isWellFormed()) return 'it is not valid Unicode';
  if (Buffer.byteLength(name) > MAX_LENGTH_BYTES) return `it has more than ${MAX_LENGTH_BYTES} bytes`;
  if (FORBIDDEN.test(name)) return 'it has braces or control characters';
  return null;
}

/**
 * Why users cannot give a queue this name, or null when they can. Endings such as `~cb` are reserved for the stored
 * queues behind a logical queue.
 */
export function queueNameFault(name: string): string | null {
  if (name === '.' || name === '..') return 'a URL cannot contain it';
  return (
    nameFault(name) ??
    (RESERVED.test(name) ? 'it ends in "~" and letters or digits, which is reserved' : null)
  );
}

/** Valid names are cached: checking a name takes as long as storing its task in a batch, and few names are in use. */
const validQueues = new Set<string>();
const validTypes = new Set<string>();
const MAX_CACHED = 1_000;

function cache(name: string, validNames: Set<string>): string {
  if (validNames.size >= MAX_CACHED) validNames.clear();
  validNames.add(name);
  return name;
}

/**
 * Returns the name of a queue if users may use it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedQueueName(name: string): string {
  if (validQueues.has(name)) return name;
  const fault = queueNameFault(name);
  if (fault === null) return cache(name, validQueues);
  throw new TaskCenterError('invalid-value', {
    name: 'queue',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces, control characters or a reserved "~" ending',
  });
}

/**
 * Returns the name of a type if it may be used.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTypeName(name: string): string {
  if (validTypes.has(name)) return name;
  const fault = nameFault(name);
  if (fault === null) return cache(name, validTypes);
  throw new TaskCenterError('invalid-value', {
    name: 'type',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces or control characters',
  });
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
