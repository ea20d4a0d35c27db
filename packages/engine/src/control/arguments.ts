/**
 * What callers give to the use cases. The compiler checks it for TypeScript; this checks it for everyone, before anything is
 * asked of the broker.
 */
import { TASK_KINDS, TASK_STATES, type ListedState } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { Cancellation } from '../broker/control.ts';
import {
  callCheck,
  createFieldsCheck,
  createOptionsCheck,
  isOptions,
  required,
  unknownOption,
} from '../checks/options.ts';
import {
  anyText,
  checkBroker,
  filledText,
  listOf,
  oneOf,
  orNull,
  type ValueCheck,
} from '../checks/values.ts';
import { likelyName } from '../checks/likely-name.ts';
import { invalidValue } from '../errors/task-center-error.ts';

/** Identifies a task. Whatever has these fields can be given, such as a task from a list. */
export interface TaskAddress {
  /** The stored queue. Default: all queues are searched, and exactly one must have the task. */
  readonly queue?: string;
  /** The ID that `enqueue` took or returned. */
  readonly id: string;
  /** The `businessId` it was enqueued with, if any: IDs of two businesses are separate. Null or left out = none. */
  readonly businessId?: string | null;
}

const ADDRESS_FIELDS = ['queue', 'id', 'businessId'] as const satisfies readonly (keyof TaskAddress)[];

/** An argument that may be left out. */
const optional =
  (check: ValueCheck): ValueCheck =>
  (value, name) => {
    if (value !== undefined) check(value, name);
  };

/**
 * The broker of a use case, with the facets that the use case works with.
 *
 * @throws TaskCenterError `invalid-value`: a facet is missing, so it is no broker
 */
export function facetsOf<Facet extends keyof Broker>(
  broker: Pick<Broker, Facet>,
  ...facets: readonly Facet[]
): Pick<Broker, Facet> {
  checkBroker(broker, ...facets);
  return broker;
}

/** Why a queue is paused. */
export const checkReason = optional(anyText);
/** Handler tasks or callbacks. */
export const checkKind = oneOf(TASK_KINDS);
/** The businesses whose tasks a caller may see. */
export const checkBusinesses = orNull(listOf(anyText, 'a list of businesses, or null'));

/** Checks the name of a stored queue, which a program in Go may have chosen. @throws TaskCenterError `invalid-value` */
export function checkStoredQueue(queue: unknown): void {
  filledText(queue, 'queue');
}

/**
 * The address of a task that was given as an address, as its ID, or as anything that has the fields of one. A field that looks
 * like a misspelt one is refused: without its queue the ID would be searched in all queues.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function checkedAddress(task: unknown): TaskAddress {
  if (typeof task === 'string') return checkedAddress({ id: task });
  return callCheck('task', () => {
    if (!isOptions(task)) throw invalidValue('task', task, '{ queue, id }, or the ID of the task');
    const missing = ADDRESS_FIELDS.filter((name) => task[name] === undefined);
    for (const name in task)
      if (likelyName(name, missing) !== null)
        throw unknownOption(name, { what: 'a task', known: new Set<string>(missing) });
    const { queue, id, businessId } = task as unknown as TaskAddress;
    filledText(id, 'id');
    optional(filledText)(queue, 'queue');
    optional(orNull(filledText))(businessId, 'businessId');
    return { id, businessId: businessId ?? null, ...(queue !== undefined && { queue }) };
  });
}

/** Where a task is stored. Whether it exists is decided by the call that acts on it. */
export interface LocatedTask {
  /** The stored queue. */
  readonly queue: string;
  /** The ID that its owner knows, for errors. */
  readonly id: string;
  /** The ID under which it is stored: with the business in front, if it has one. */
  readonly storedId: string;
}

/** @throws TaskCenterError `invalid-value` */
export const checkLocated = createFieldsCheck<LocatedTask>('task', {
  queue: required(anyText),
  id: required(anyText),
  storedId: required(anyText),
});

/** The tasks of a stored queue in one state. */
export interface TaskList {
  readonly queue: string;
  readonly state: ListedState;
}

const LISTED_STATES = TASK_STATES.filter((state) => state !== 'blocked' && state !== 'awaiting');
/** The states in which tasks are listed. */
export const listedState = oneOf(LISTED_STATES);
const checkTaskList = createFieldsCheck<TaskList>('list', {
  queue: required(filledText),
  state: required(listedState),
});

/** @throws TaskCenterError `invalid-value` */
export function checkList(list: TaskList, group: string | undefined): void {
  const { state } = checkTaskList(list);
  if (state === 'aggregating' && group === undefined)
    throw invalidValue('group', group, 'the name of a group');
}

/** Checks the reason of a cancellation and its author. @throws TaskCenterError `invalid-value` */
export const checkCancellation = createOptionsCheck<Cancellation>('cancel', { reason: anyText, by: anyText });
