import { shown, TaskCenterError } from '../errors/task-center-error.ts';

/** How a task is run: by a handler in a worker, or as an HTTP request to its owner. */
export type TaskKind = 'handler' | 'callback';

/** The queues that are there out of the box, highest priority first (3, 2, 1, 0). */
export const BUILT_IN_QUEUES = ['critical', 'high', 'default', 'low'] as const;

const CALLBACK_SUFFIX = '~cb';
const MAX_LENGTH_BYTES = 255;
// Braces would move keys to another slot (protocol D22); control characters break logs and terminals.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[{}\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const RESERVED = /~[A-Za-z0-9]+$/;

/**
 * Why a name of a queue or a type cannot be used, or null when it can. As Asynq's, names keep their case and blanks
 * (protocol 2.5); the HTTP API takes fewer.
 */
export function nameFault(name: string): string | null {
  if (name.trim() === '') return 'it is blank';
  if (!name.isWellFormed()) return 'it is not valid Unicode';
  if (Buffer.byteLength(name) > MAX_LENGTH_BYTES) return `it has more than ${MAX_LENGTH_BYTES} bytes`;
  if (FORBIDDEN.test(name)) return 'it has braces or control characters';
  return null;
}

/** Why a user cannot give a queue this name, or null when they can (design D9). */
export function queueNameFault(name: string): string | null {
  if (name === '.' || name === '..') return 'no URL can name it';
  return (
    nameFault(name) ??
    (RESERVED.test(name) ? 'it ends in "~" and letters or digits, which is reserved' : null)
  );
}

/** Names come again and again, and checking one takes as long as storing its task in a batch. */
const goodQueues = new Set<string>();
const goodTypes = new Set<string>();
const MAX_REMEMBERED = 1_000;

function remembered(name: string, good: Set<string>): string {
  if (good.size >= MAX_REMEMBERED) good.clear();
  good.add(name);
  return name;
}

/**
 * The queue's name, checked.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedQueueName(name: string): string {
  if (goodQueues.has(name)) return name;
  const fault = queueNameFault(name);
  if (fault === null) return remembered(name, goodQueues);
  throw new TaskCenterError('invalid-value', {
    name: 'queue',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces, control characters or a reserved "~" ending',
  });
}

/**
 * The type's name, checked.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedTypeName(name: string): string {
  if (goodTypes.has(name)) return name;
  const fault = nameFault(name);
  if (fault === null) return remembered(name, goodTypes);
  throw new TaskCenterError('invalid-value', {
    name: 'type',
    got: `${shown(name)} (${fault})`,
    expected: '1 to 255 bytes, not blank, without braces or control characters',
  });
}

/** The stored queue (an Asynq queue) of a logical queue and a kind (design D9). */
export function storedQueue(name: string, kind: TaskKind): string {
  return kind === 'callback' ? name + CALLBACK_SUFFIX : name;
}

/** The logical queue and the kind of a stored queue. */
export function logicalQueue(stored: string): { name: string; kind: TaskKind } {
  return stored.endsWith(CALLBACK_SUFFIX)
    ? { name: stored.slice(0, -CALLBACK_SUFFIX.length), kind: 'callback' }
    : { name: stored, kind: 'handler' };
}

/** Stored queues of a logical queue, callbacks first (the order in which they are paused). */
export function storedQueues(name: string): readonly [string, string] {
  return [storedQueue(name, 'callback'), storedQueue(name, 'handler')];
}
