/**
 * Queues: list, show, pause, resume. Every logical queue is a pair of stored queues, for callbacks and for handler
 * tasks.
 */
import { storedQueues } from '@task-center/engine';
import { requireQueue, seesQueue } from '../../auth/principal.ts';
import type { Call, Handlers, Reply } from '../call.ts';
import { ProblemError } from '../../problem.ts';
import { isKnownQueue, queueNames, readQueues } from './read.ts';

/** `GET /v1/queues` */
async function listQueues({ principal, deps }: Call<'listQueues'>): Promise<Reply> {
  const names = (await queueNames(deps)).filter((name) => seesQueue(principal, name));
  const data = await readQueues(deps, names, principal.businesses === null);
  return { body: { data, next_cursor: null, total: data.length, scanned: null } };
}

type QueueCall = Pick<Call<'getQueue'>, 'params' | 'principal' | 'deps'>;

/** @throws ProblemError `forbidden`, `not-found` */
async function requireKnown({ params: { name }, principal, deps }: QueueCall): Promise<void> {
  requireQueue(principal, name);
  if (await isKnownQueue(deps, name)) return;
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
async function getQueue(call: Call<'getQueue'>): Promise<Reply> {
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
async function pauseQueue(call: Call<'pauseQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name))
    await call.deps.broker.control.pause(stored, call.body.reason);
  return replyWithQueue(call);
}

/** `POST /v1/queues/{name}/resume` */
async function resumeQueue(call: Call<'resumeQueue'>): Promise<Reply> {
  requireUnbound(call);
  await requireKnown(call);
  for (const stored of storedQueues(call.params.name)) await call.deps.broker.control.resume(stored);
  return replyWithQueue(call);
}

export const queueHandlers = { listQueues, getQueue, pauseQueue, resumeQueue } satisfies Partial<Handlers>;
