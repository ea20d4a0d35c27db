import type { Queue } from '@task-center/api';
import { BUILT_IN_QUEUES, logicalQueue, storedQueues, type QueueFacts } from '@task-center/engine';
import { requireQueue, seesQueue } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { presentQueue } from '../present/queue.ts';
import { ProblemError } from '../../problem.ts';

const BUILT_IN: readonly string[] = BUILT_IN_QUEUES;

/** Logical queues that are there: the built-in ones, highest priority first, then others by name. */
async function queueNames({ broker }: Pick<AppDeps, 'broker'>): Promise<string[]> {
  const stored = await broker.inspect.queues();
  const others = new Set(
    stored.map((queue) => logicalQueue(queue).name).filter((name) => !BUILT_IN.includes(name)),
  );
  return [...BUILT_IN, ...[...others].sort()];
}

/** Queues with their counts, in the order of `names`. */
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

/** `GET /v1/queues` */
export async function listQueues({ principal, deps }: Call<'listQueues'>): Promise<Reply> {
  const names = (await queueNames(deps)).filter((name) => seesQueue(principal, name));
  const data = await readQueues(deps, names, principal.businesses === null);
  return { body: { data, next_cursor: null, total: data.length, scanned: null } };
}

type QueueCall = Pick<Call<'getQueue'>, 'params' | 'principal' | 'deps'>;

async function requireKnown({ params: { name }, principal, deps }: QueueCall): Promise<void> {
  requireQueue(principal, name);
  if (BUILT_IN.includes(name) || (await queueNames(deps)).includes(name)) return;
  throw new ProblemError(
    'not-found',
    `There is no queue ${JSON.stringify(name)}; a queue begins with its first task.`,
  );
}

async function one({ params: { name }, principal, deps }: QueueCall): Promise<Reply> {
  const [body] = await readQueues(deps, [name], principal.businesses === null);
  return { body };
}

/** `GET /v1/queues/{name}` */
export async function getQueue(call: Call<'getQueue'>): Promise<Reply> {
  await requireKnown(call);
  return one(call);
}

/** A queue is shared by all its businesses: a key that is bound to some may not stop it for the others. */
function requireUnbound({ principal }: QueueCall): void {
  if (principal.businesses === null) return;
  throw new ProblemError(
    'forbidden',
    'A key that is bound to businesses may not pause or resume whole queues.',
    {
      extra: { needed: { businesses: null } },
    },
  );
}

/** `POST /v1/queues/{name}/pause`: callbacks first, then handlers (design D9). */
export async function pauseQueue(call: Call<'pauseQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name))
    await call.deps.broker.control.pause(stored, call.body.reason);
  return one(call);
}

/** `POST /v1/queues/{name}/resume` */
export async function resumeQueue(call: Call<'resumeQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name)) await call.deps.broker.control.resume(stored);
  return one(call);
}
