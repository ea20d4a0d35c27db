import { TaskCenterError } from '../errors/task-center-error.ts';
import type { Log } from '../runtime/log.ts';
import type { QueueOrder } from './fetch/queue-order.ts';
import type { Handlers } from './run/handlers.ts';

const DEFAULT_QUEUE = 'default';
/** Types and queues that a message names. */
const MAX_TYPES_SHOWN = 10;

export interface SetUp {
  readonly handlers: Handlers;
  /** The queues to take tasks from. */
  readonly order: QueueOrder;
}

const misused = (cause: string, fix: string) => new TaskCenterError('worker-misused', { cause, fix });

function namesOf(names: readonly string[]): string {
  const named = names.slice(0, MAX_TYPES_SHOWN).map((name) => JSON.stringify(name));
  return (
    named.join(', ') + (names.length > MAX_TYPES_SHOWN ? ` and ${names.length - MAX_TYPES_SHOWN} more` : '')
  );
}

/** The definitions whose tasks go to queues that are not served, unless `enqueue` names another queue. */
function unservedOf({ handlers, order }: SetUp): { type: string; queue: string }[] {
  const served = new Set(order.names);
  return handlers.definitions
    .map(({ type, queue = DEFAULT_QUEUE }) => ({ type, queue }))
    .filter(({ queue }) => !served.has(queue));
}

/**
 * Warns of definitions that are not served, in one line. `before`: the queues served until now, which were warned of already.
 */
export function warnOfUnserved({ handlers, order }: SetUp, log: Log, before?: QueueOrder): void {
  const known = new Set(before && unservedOf({ handlers, order: before }).map(({ type }) => type));
  const unserved = unservedOf({ handlers, order });
  if (unserved.every(({ type }) => known.has(type))) return;
  log.warn(
    {
      types: unserved.slice(0, MAX_TYPES_SHOWN).map(({ type }) => type),
      queues: [...new Set(unserved.map(({ queue }) => queue))].slice(0, MAX_TYPES_SHOWN),
      served: order.names.slice(0, MAX_TYPES_SHOWN),
      unserved: unserved.length,
    },
    'this worker has handlers for types whose tasks go to queues that it does not serve; it runs only those that are enqueued to one of its own queues',
  );
}

/**
 * Refuses what can never run a task, and warns of what can never run some of them. A definition that names a queue belongs to it.
 * One that names none, and a type by its name, may be enqueued to any queue: they are no reason to refuse.
 *
 * @throws TaskCenterError `worker-misused`
 */
export function checkSetUp({ handlers, order }: SetUp, log: Log): void {
  if (handlers.size === 0)
    throw misused('it has no handlers', 'Register a handler for each type with handle() before start().');
  if (order.names.length === 0)
    throw misused('it has no queues', 'Name at least one queue in `queues`, or leave it out for "default".');
  const served = new Set(order.names);
  const lost = handlers.definitions.filter(({ queue }) => queue !== undefined && !served.has(queue));
  if (lost.length === handlers.size) {
    const queues = [...new Set(lost.map(({ queue }) => queue!))];
    throw misused(
      `its tasks (${namesOf(lost.map(({ type }) => type))}) go to ${namesOf(queues)}, but it serves ${namesOf(order.names)}`,
      'Add these queues to `queues`. For tasks that are enqueued to another queue than that of their definition, give handle() the name of the type.',
    );
  }
  warnOfUnserved({ handlers, order }, log);
}
