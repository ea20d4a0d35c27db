/**
 * Queues: list, show, pause, resume. Every logical queue is a pair of stored queues, for callbacks and for handler
 * tasks.
 */
import type { Queue } from '@task-center/api';
import { BUILT_IN_QUEUES, logicalQueue, storedQueues, type QueueFacts } from '@task-center/engine';
import { requireQueue, seesQueue } from '../../auth/principal.ts';
import type { Call, Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { presentQueue } from './present.ts';
import { ProblemError } from '../../problem.ts';

const BUILT_IN: readonly string[] = BUILT_IN_QUEUES;

/** The logical queues: the built-in ones, highest priority first, then all others by name. */
async function queueNames({ broker }: Pick<AppDeps, 'broker'>): Promise<string[]> {
  const stored = await broker.inspect.queues();
  const others = new Set(
    stored.map((queue) => logicalQueue(queue).name).filter((name) => !BUILT_IN.includes(name)),
  );
  return [...BUILT_IN, ...[...others].sort()];
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

/** `GET /v1/queues` */
export async function listQueues({ principal, deps }: Call<'listQueues'>): Promise<Reply> {
  const names = (await queueNames(deps)).filter((name) => seesQueue(principal, name));
  const data = await readQueues(deps, names, principal.businesses === null);
  return { body: { data, next_cursor: null, total: data.length, scanned: null } };
}

type QueueCall = Pick<Call<'getQueue'>, 'params' | 'principal' | 'deps'>;

/** @throws ProblemError `forbidden`, `not-found` */
async function requireKnown({ params: { name }, principal, deps }: QueueCall): Promise<void> {
  requireQueue(principal, name);
  if (BUILT_IN.includes(name) || (await queueNames(deps)).includes(name)) return;
  throw new ProblemError(
    'not-found',
    `There is no queue ${JSON.stringify(name)}; a queue is created by its first task.`,
  );
}

async function replyWithQueue({ params: { name }, principal, deps }: QueueCall): Promise<Reply> {
  const [body] = await readQueues(deps, [name], principal.businesses === null);
  return { body };
}

/** `GET /v1/queues/{name}` */
export async function getQueue(call: Call<'getQueue'>): Promise<Reply> {
  await requireKnown(call);
  return replyWithQueue(call);
}

/** All businesses share a queue: a key that is bound to some of them may not stop it for the others. */
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

/**
 * `POST /v1/queues/{name}/pause`: pauses both stored queues, callbacks first. The two writes are not atomic; repeat a
 * failed call.
 */
export async function pauseQueue(call: Call<'pauseQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name))
    await call.deps.broker.control.pause(stored, call.body.reason);
  return replyWithQueue(call);
}

/** `POST /v1/queues/{name}/resume` */
export async function resumeQueue(call: Call<'resumeQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name)) await call.deps.broker.control.resume(stored);
  return replyWithQueue(call);
}
