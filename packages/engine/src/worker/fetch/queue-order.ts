import { logicalQueue, nameFault } from '@task-center/model';
import type { Exchange } from '../../broker/consume.ts';
import { isOptions } from '../../checks/options.ts';
import { listOf, anyText, type ValueCheck, isList } from '../../checks/values.ts';
import { invalidValue } from '../../errors/task-center-error.ts';

/** Queues to work on: a list, or priorities by queue (whole numbers from 1 on; a higher one comes first). */
export type WorkerQueues = readonly string[] | Readonly<Record<string, number>>;

/**
 * `strict`: a queue gives tasks only when those before it are empty. `weighted`: while several queues have tasks, each
 * gets attempts in proportion to its priority, and none waits for ever. Asynq's default is `weighted`, too.
 */
export const ORDER_KINDS = ['strict', 'weighted'] as const;
export type OrderKind = (typeof ORDER_KINDS)[number];

/** Which queues to ask for tasks, and for how many. */
export interface QueueOrder {
  /** Stored queues, highest priority first. */
  readonly names: readonly string[];
  /** Whether the order is strict. */
  readonly strict: boolean;
  /** For people: the priorities given. In a list the first queue has the highest. */
  readonly priorities: Readonly<Record<string, number>>;
  /** For an exchange with room for this number of tasks. `chance` returns numbers in [0, 1). */
  next(room: number, chance: () => number): Pick<Exchange, 'queues' | 'shares'>;
}

/** A queue with its priority. */
interface WeightedQueue {
  readonly name: string;
  readonly weight: number;
}

const queueList = listOf(anyText, 'a list of queues');

/** The shape only; `queueOrder` checks names and priorities. */
export const workerQueues: ValueCheck = (value, name) => {
  if (isList(value)) queueList(value, name);
  else if (!isOptions(value))
    throw invalidValue(
      name,
      value,
      'a list of queues, or an object of priorities such as { critical: 3, default: 1 }',
    );
};

/** Queues by weight, highest first; those of a list have the weight 1 and keep its order. A repeated name counts once. */
function toWeightedQueues(queues: WorkerQueues): WeightedQueue[] {
  const all = Array.isArray(queues)
    ? (queues as readonly string[]).map((name) => ({ name, weight: 1 }))
    : Object.entries(queues as Readonly<Record<string, number>>)
        .map(([name, weight]) => ({ name, weight }))
        .sort((a, b) => b.weight - a.weight);
  for (const { name, weight } of all) {
    const fault = nameFault(logicalQueue(name).name);
    if (fault !== null) throw invalidValue('queue', name, `a queue name, but ${fault}`);
    if (!Number.isSafeInteger(weight) || weight < 1) {
      throw invalidValue(`priority of queue "${name}"`, weight, 'a whole number from 1 on');
    }
  }
  return [...new Map(all.map((queue) => [queue.name, queue])).values()];
}

/** A random order in which each queue comes first with a probability in proportion to its weight. */
function shuffleByWeight(queues: readonly WeightedQueue[], chance: () => number): WeightedQueue[] {
  // Each queue draws an exponentially distributed number with its weight as the rate, and the least is the first: the same
  // odds as drawing one queue after the other, without adding up the weights of all others for each.
  return queues
    .map((queue) => ({ queue, drawn: -Math.log(1 - chance()) / queue.weight }))
    .sort((a, b) => a.drawn - b.drawn)
    .map(({ queue }) => queue);
}

/**
 * Splits the room by weight into whole numbers. Fractions are decided by `chance`: on average each queue gets exactly its
 * share, with a room of 1 as well as with 100.
 */
function splitByWeight(order: readonly WeightedQueue[], room: number, chance: number): number[] {
  const total = order.reduce((sum, { weight }) => sum + weight, 0);
  let given = 0;
  let before = chance;
  return order.map(({ weight }, i) => {
    before += (room * weight) / total;
    const upTo = i === order.length - 1 ? room : Math.min(room, Math.floor(before));
    const share = upTo - given;
    given = upTo;
    return share;
  });
}

/** @throws TaskCenterError `invalid-value` */
export function queueOrder(queues: WorkerQueues, kind?: OrderKind): QueueOrder {
  workerQueues(queues, 'queues');
  const all = toWeightedQueues(queues);
  const names = all.map(({ name }) => name);
  const strict = (kind ?? (Array.isArray(queues) ? 'strict' : 'weighted')) === 'strict';
  const priorityOf = ({ weight }: WeightedQueue, i: number) =>
    Array.isArray(queues) && strict ? names.length - i : weight;
  const priorities = Object.fromEntries(all.map((queue, i) => [queue.name, priorityOf(queue, i)]));
  const always = { queues: names };
  const known = { names, strict, priorities };
  if (strict || names.length < 2) return { ...known, next: () => always };
  return {
    ...known,
    next(room, chance) {
      const order = shuffleByWeight(all, chance);
      return { queues: order.map(({ name }) => name), shares: splitByWeight(order, room, chance()) };
    },
  };
}
