/**
 * Logical queues, as HTTP and the command line know them: each is a pair of stored queues, for callbacks and for handler
 * tasks. The built-in queues are known before their first task.
 */
import { BUILT_IN_QUEUES, logicalQueue, storedQueues } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { QueueFacts } from '../broker/inspect.ts';
import { anyText, listOf } from '../checks/values.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { readFigures } from '../metrics/stored-figures.ts';
import { checkBusinesses, checkReason, facetsOf } from './arguments.ts';

/** A logical queue with the facts of its stored queues. */
export interface LogicalQueueFacts {
  readonly name: string;
  readonly callback: QueueFacts;
  readonly handler: QueueFacts;
}

const BUILT_IN: readonly string[] = BUILT_IN_QUEUES;
const logicalNames = listOf(anyText, 'a list of queues');

/** Businesses whose keys ask; null = anyone's. They learn only of queues that are built in or ever held a task of theirs. */
type Businesses = readonly string[] | null;

/** Which stored queues ever held a task of one of the businesses, in order. */
async function onlyHeld(
  { inspect }: Pick<Broker, 'inspect'>,
  stored: readonly string[],
  businesses: Businesses,
) {
  if (businesses === null) return stored;
  const held = await inspect.haveHeld(stored, businesses);
  return stored.filter((_, i) => held[i]);
}

/** Checks who asks for which queue. @throws TaskCenterError `invalid-value` */
function checkQueue(broker: Broker, name: string, businesses: Businesses): void {
  facetsOf(broker, 'inspect');
  anyText(name, 'name');
  checkBusinesses(businesses, 'businesses');
}

/** The names of the logical queues: the built-in ones, highest priority first, then all others by name. */
export async function listLogicalQueues(broker: Broker, businesses: Businesses = null): Promise<string[]> {
  const { inspect } = facetsOf(broker, 'inspect');
  checkBusinesses(businesses, 'businesses');
  const stored = await onlyHeld({ inspect }, await inspect.queues(), businesses);
  const others = new Set(
    stored.map((queue) => logicalQueue(queue).name).filter((name) => !BUILT_IN.includes(name)),
  );
  return [...BUILT_IN, ...[...others].sort()];
}

/**
 * Checks that a logical queue is known: it is built in, or one of its stored queues is in use.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export async function requireLogicalQueue(
  broker: Broker,
  name: string,
  businesses: Businesses = null,
): Promise<void> {
  checkQueue(broker, name, businesses);
  if (BUILT_IN.includes(name) || (await mayHoldTasksOf(broker, name, businesses))) return;
  throw new TaskCenterError('queue-not-found', { queue: name });
}

/** Whether a logical queue is in use, and ever held a task of the businesses. A built-in queue may hold none. */
export async function mayHoldTasksOf(broker: Broker, name: string, businesses: Businesses): Promise<boolean> {
  checkQueue(broker, name, businesses);
  const held = await onlyHeld(broker, storedQueues(name), businesses);
  const inUse = await Promise.all(held.map((queue) => broker.inspect.exists(queue)));
  return inUse.includes(true);
}

/** Reads queues, in the order of `names`. A queue that was never used has zeros. */
export async function getLogicalQueues(
  broker: Broker,
  names: readonly string[],
): Promise<LogicalQueueFacts[]> {
  const { inspect } = facetsOf(broker, 'inspect');
  logicalNames(names, 'names');
  const facts = await inspect.queueFacts(names.flatMap(storedQueues));
  return names.map((name, i) => ({
    name,
    callback: facts[2 * i] as QueueFacts,
    handler: facts[2 * i + 1] as QueueFacts,
  }));
}

/**
 * Estimates of the bytes that the tasks of logical queues take in the broker, both kinds together, in the order of `names`. An
 * instance of `Metrics` renews them once a minute. Null = the queue has not been measured yet.
 *
 * @throws TaskCenterError `invalid-value`
 */
export async function getLogicalQueueMemory(
  broker: Broker,
  names: readonly string[],
): Promise<(number | null)[]> {
  const { documents } = facetsOf(broker, 'documents');
  logicalNames(names, 'names');
  const figures = await readFigures(documents);
  return names.map((name) => {
    // A kind that is not there had no queue yet.
    const known = storedQueues(name).flatMap((stored) => figures?.memory.get(stored) ?? []);
    return known.length === 0 ? null : known.reduce((sum, bytes) => sum + bytes, 0);
  });
}

/**
 * Pauses both stored queues, callbacks first. Idempotent: one that is paused already stays paused, with the new reason.
 * The two writes are not atomic; repeat a failed call.
 *
 * @throws TaskCenterError `queue-not-found`
 */
export async function pauseLogicalQueue(broker: Broker, name: string, reason?: string): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  checkReason(reason, 'reason');
  await requireLogicalQueue(broker, name);
  for (const stored of storedQueues(name)) await control.pause(stored, reason);
}

/** Resumes both stored queues, callbacks first. Idempotent. @throws TaskCenterError `queue-not-found` */
export async function resumeLogicalQueue(broker: Broker, name: string): Promise<void> {
  const { control } = facetsOf(broker, 'control');
  await requireLogicalQueue(broker, name);
  for (const stored of storedQueues(name)) await control.resume(stored);
}

/** The stored queues of a logical queue that are in use. @throws TaskCenterError `queue-not-found` there is none */
export async function listStoredQueues(broker: Broker, name: string): Promise<string[]> {
  checkQueue(broker, name, null);
  const inUse: string[] = [];
  for (const stored of storedQueues(name)) if (await broker.inspect.exists(stored)) inUse.push(stored);
  if (inUse.length === 0) throw new TaskCenterError('queue-not-found', { queue: name });
  return inUse;
}
