/** Reads logical queues: their names, and their state as answers show it. */
import type { Queue } from '@task-center/api';
import { BUILT_IN_QUEUES, logicalQueue, storedQueues, type QueueFacts } from '@task-center/engine';
import type { AppDeps } from '../deps.ts';
import { presentQueue } from './present.ts';

const BUILT_IN: readonly string[] = BUILT_IN_QUEUES;

/** The logical queues: the built-in ones, highest priority first, then all others by name. */
export async function queueNames({ broker }: Pick<AppDeps, 'broker'>): Promise<string[]> {
  const stored = await broker.inspect.queues();
  const others = new Set(
    stored.map((queue) => logicalQueue(queue).name).filter((name) => !BUILT_IN.includes(name)),
  );
  return [...BUILT_IN, ...[...others].sort()];
}

/** Whether there is such a queue. The built-in ones exist without a look at the broker. */
export async function isKnownQueue(deps: Pick<AppDeps, 'broker'>, name: string): Promise<boolean> {
  return BUILT_IN.includes(name) || (await queueNames(deps)).includes(name);
}

/** Reads queues, in the order of `names`. `shown`: whether to answer with counts and ages. */
export async function readQueues(
  { broker }: Pick<AppDeps, 'broker'>,
  names: readonly string[],
  shown: boolean,
): Promise<Queue[]> {
  const facts = await broker.inspect.queueFacts(names.flatMap(storedQueues));
  return names.map((name, i) => {
    const [callback, handler] = [facts[2 * i] as QueueFacts, facts[2 * i + 1] as QueueFacts];
    return presentQueue(name, { callback, handler }, shown);
  });
}
