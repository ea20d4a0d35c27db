import type { Exchange } from '../../broker/consume.ts';
import { shown, TaskCenterError } from '../../errors/task-center-error.ts';
import { logicalQueue, nameFault } from '../../task/queue-name.ts';

/** Queues to work on: a list in strict order, or priorities: whole numbers from 1 on, the highest first. */
export type WorkerQueues = readonly string[] | Readonly<Record<string, number>>;

/**
 * `strict`: a queue is looked at only when those before it have nothing. `weighted`: while several have work, each
 * gets its priority's share of the attempts, so that none waits for ever (Asynq's default, protocol 4.4).
 */
export type OrderKind = 'strict' | 'weighted';

/** Whom to ask for tasks, and for how many. */
export interface QueueOrder {
  readonly names: readonly string[];
  readonly strict: boolean;
  /** For people: as given; of a list the first has the highest. */
  readonly priorities: Readonly<Record<string, number>>;
  /** For an exchange with this room; `chance` gives numbers in [0, 1). */
  next(room: number, chance: () => number): Pick<Exchange, 'queues' | 'shares'>;
}

interface Weighed {
  readonly name: string;
  readonly weight: number;
}

function invalid(name: string, got: unknown, expected: string): TaskCenterError {
  return new TaskCenterError('invalid-value', { name, got: shown(got), expected });
}

function weighed(queues: WorkerQueues): Weighed[] {
  const all = Array.isArray(queues)
    ? (queues as readonly string[]).map((name) => ({ name, weight: 1 }))
    : Object.entries(queues as Readonly<Record<string, number>>)
        .map(([name, weight]) => ({ name, weight }))
        .sort((a, b) => b.weight - a.weight);
  for (const { name, weight } of all) {
    const fault = nameFault(logicalQueue(name).name);
    if (fault !== null) throw invalid('queue', name, `a queue name, but ${fault}`);
    if (!Number.isSafeInteger(weight) || weight < 1) {
      throw invalid(`priority of queue "${name}"`, weight, 'a whole number from 1 on');
    }
  }
  return [...new Map(all.map((one) => [one.name, one])).values()];
}

/** A random order in which a queue comes first as often as its weight says. */
function drawn(queues: readonly Weighed[], chance: () => number): Weighed[] {
  const left = [...queues];
  const order: Weighed[] = [];
  while (left.length > 0) {
    let point = chance() * left.reduce((sum, { weight }) => sum + weight, 0);
    const found = left.findIndex(({ weight }) => (point -= weight) < 0);
    order.push(...left.splice(found < 0 ? left.length - 1 : found, 1));
  }
  return order;
}

/**
 * Splits the room by weight. A rest that cannot be split is drawn, so that on average each queue gets exactly its
 * share, be the room 1 or 100.
 */
function sharesOf(order: readonly Weighed[], room: number, chance: number): number[] {
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
  const all = weighed(queues);
  const names = all.map(({ name }) => name);
  const strict = (kind ?? (Array.isArray(queues) ? 'strict' : 'weighted')) === 'strict';
  const priorityOf = ({ weight }: Weighed, i: number) =>
    Array.isArray(queues) && strict ? names.length - i : weight;
  const priorities = Object.fromEntries(all.map((one, i) => [one.name, priorityOf(one, i)]));
  const always = { queues: names };
  const known = { names, strict, priorities };
  if (strict || names.length < 2) return { ...known, next: () => always };
  return {
    ...known,
    next(room, chance) {
      const order = drawn(all, chance);
      return { queues: order.map(({ name }) => name), shares: sharesOf(order, room, chance()) };
    },
  };
}
